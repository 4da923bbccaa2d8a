/** Whether the window is as narrow as that of a phone, as the style sheets have it. */
export const isPhone = (): boolean => window.matchMedia('(max-width: 720px)').matches
