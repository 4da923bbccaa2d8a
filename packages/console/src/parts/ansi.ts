/** A run of text that looks the same. */
export interface Segment {
  text: string
  /** Words of CSS: `ansi-bold ansi-1`. */
  className?: string
  /** Colours beyond the sixteen that the theme has, as `#rrggbb`. */
  color?: string
  background?: string
}

interface Look {
  bold: boolean
  faint: boolean
  italic: boolean
  underline: boolean
  inverse: boolean
  color: number | string | undefined
  background: number | string | undefined
}

const plain: Look = {
  bold: false,
  faint: false,
  italic: false,
  underline: false,
  inverse: false,
  color: undefined,
  background: undefined,
}

// Sequences that begin with ESC: those of CSI (ECMA-48, section 5.4), those that carry a text up to BEL or ST, and short ones.
const sequence = /\u001B(?:\[([0-?]*)[ -/]*([@-~])|[\]PX^_][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[ -/]*[0-~])/g
const control = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g

/**
 * A line of a log as text with looks. Of the control sequences of terminals, colours and the like (SGR) are understood,
 * all others are left out. A carriage return begins the line anew, as a progress bar does.
 */
export function parseAnsi(line: string): Segment[] {
  const text = afterReturns(line)
  if (!text.includes('\u001B')) return [{ text: text.replaceAll(control, '') }]
  const segments: Segment[] = []
  let look = plain
  let start = 0
  const push = (end: number) => {
    const piece = text.slice(start, end).replaceAll(control, '')
    if (piece !== '') segments.push(toSegment(piece, look))
  }
  for (const match of text.matchAll(sequence)) {
    push(match.index)
    start = match.index + match[0].length
    if (match[2] === 'm') look = applySgr(look, match[1] ?? '')
  }
  push(text.length)
  return segments
}

/** The text alone. */
export function stripAnsi(line: string): string {
  return parseAnsi(line)
    .map(({ text }) => text)
    .join('')
}

function afterReturns(line: string): string {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line
  return text.includes('\r') ? (text.split('\r').findLast((piece) => piece !== '') ?? '') : text
}

/** Select Graphic Rendition: ECMA-48, section 8.3.117; 38 and 48 with a colour as xterm has them. */
function applySgr(before: Look, parameters: string): Look {
  const codes = parameters.split(/[;:]/).map(Number)
  const look = { ...before }
  for (let place = 0; place < codes.length; place++) {
    const code = codes[place]!
    if (code === 38 || code === 48) {
      const [color, used] = extendedColor(codes.slice(place + 1))
      look[code === 38 ? 'color' : 'background'] = color
      place += used
    } else Object.assign(look, changeOf(code))
  }
  return look
}

function changeOf(code: number): Partial<Look> {
  if (code >= 30 && code <= 37) return { color: code - 30 }
  if (code >= 90 && code <= 97) return { color: code - 82 }
  if (code >= 40 && code <= 47) return { background: code - 40 }
  if (code >= 100 && code <= 107) return { background: code - 92 }
  return changes[code] ?? {}
}

const changes: Record<number, Partial<Look>> = {
  0: plain,
  1: { bold: true },
  2: { faint: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  22: { bold: false, faint: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  39: { color: undefined },
  49: { background: undefined },
}

/** `5;n` is one of 256 colours, `2;r;g;b` any. Returns the colour, and how many codes it took. */
function extendedColor(codes: readonly number[]): [number | string | undefined, number] {
  const [kind, first = 0, second = 0, third = 0] = codes
  if (kind === 5) return [first < 16 ? first : paletteColor(first), 2]
  if (kind === 2) return [toHex(first, second, third), 4]
  return [undefined, codes.length]
}

/** The colour cube and the greys of xterm. */
function paletteColor(index: number): string {
  if (index >= 232) return toHex(...([8, 8, 8].map((base) => base + (index - 232) * 10) as [number, number, number]))
  const place = index - 16
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40)
  return toHex(level(Math.floor(place / 36)), level(Math.floor(place / 6) % 6), level(place % 6))
}

function toHex(...parts: [number, number, number]): string {
  return `#${parts
    .map((part) =>
      Math.min(255, Math.max(0, part || 0))
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`
}

function toSegment(text: string, look: Look): Segment {
  const [color, background] = look.inverse ? [look.background, look.color] : [look.color, look.background]
  const names = [
    look.bold && 'ansi-bold',
    look.faint && 'ansi-faint',
    look.italic && 'ansi-italic',
    look.underline && 'ansi-underline',
    look.inverse && color === undefined && background === undefined && 'ansi-inverse',
    typeof color === 'number' && `ansi-${color}`,
    typeof background === 'number' && `ansi-on-${background}`,
  ].filter((name) => name !== false)
  return {
    text,
    ...(names.length > 0 && { className: names.join(' ') }),
    ...(typeof color === 'string' && { color }),
    ...(typeof background === 'string' && { background }),
  }
}
