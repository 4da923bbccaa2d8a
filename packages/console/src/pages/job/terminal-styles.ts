/**
 * Lets xterm.js style what it draws under a policy without inline styles: its style sheets get the nonce of the page,
 * and what it would write into `style` attributes, colours of single cells, goes by way of the object model. Returns
 * what undoes it.
 */
export function allowTerminalStyles(): () => void {
  const meta = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')
  const nonce = meta?.nonce || meta?.content
  const create = document.createElement.bind(document)
  const patched = (name: string, options?: ElementCreationOptions): HTMLElement => {
    const element = create(name, options)
    if (name === 'style' && nonce) element.nonce = nonce
    if (name === 'span') {
      element.setAttribute = (attribute: string, value: string) => {
        if (attribute === 'style') element.style.cssText = value
        else Element.prototype.setAttribute.call(element, attribute, value)
      }
    }
    return element
  }
  document.createElement = patched
  return () => {
    Reflect.deleteProperty(document, 'createElement')
  }
}

const ansi = {
  light:
    'black #24292f red #b3261e green #116329 yellow #7a4f01 blue #0550ae magenta #8250df cyan #1b6c75 white #57606a',
  dark: 'black #545d68 red #f47067 green #57ab5a yellow #c69026 blue #539bf5 magenta #b083f0 cyan #39c5cf white #adbac7',
}

/** Colours of a terminal as the page has them now. */
export function terminalTheme(): Record<string, string> {
  const scheme = document.documentElement.dataset['mantineColorScheme'] === 'dark' ? 'dark' : 'light'
  const words = ansi[scheme].split(' ')
  const theme: Record<string, string> = {}
  for (let i = 0; i + 1 < words.length; i += 2) {
    const [name = '', color = ''] = words.slice(i, i + 2)
    theme[name] = color
    theme[`bright${name.slice(0, 1).toUpperCase()}${name.slice(1)}`] = color
  }
  return {
    ...theme,
    background: variable('--panel'),
    foreground: variable('--text'),
    cursor: variable('--text'),
    cursorAccent: variable('--panel'),
    selectionBackground: variable('--accent-soft'),
    selectionInactiveBackground: variable('--hover'),
  }
}

/** A colour of the style sheet as one that every program reads: `#rrggbb`. */
function variable(name: string): string {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = 1
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (!context) return '#808080'
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name)
  context.fillRect(0, 0, 1, 1)
  const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data
  return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}`
}
