/** Colours of series: `--series-0` and so on in the theme, told apart also by the colour-blind. */
export const paletteSize = 8
