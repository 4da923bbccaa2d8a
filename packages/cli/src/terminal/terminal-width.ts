import { stripVTControlCharacters } from 'node:util'

/**
 * Characters that take two columns: East Asian wide and fullwidth forms and emoji, by the blocks of Unicode Annex 11
 * that terminals agree on.
 */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
const nothing = /^(?:\p{Mark}|[\u200b-\u200d]|\ufe0f)/u

/** Made when a text needs it: making it takes longer than most commands should. */
let segmenter: Intl.Segmenter | undefined

/** Columns that a text takes in a terminal; colours take none. */
export function widthOf(text: string): number {
  const plain = stripVTControlCharacters(text)
  if (/^[\x20-\x7e]*$/.test(plain)) return plain.length
  let width = 0
  for (const segment of segmentsOf(plain)) width += widthOfSegment(segment)
  return width
}

/** The text cut to `columns`, the last of them an ellipsis if something is missing. The text has no colours. */
export function truncate(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let kept = ''
  let width = 0
  for (const segment of segmentsOf(text)) {
    width += widthOfSegment(segment)
    if (width > columns - 1) break
    kept += segment
  }
  return `${kept.trimEnd()}…`
}

/** The same with the ellipsis in the middle: names that begin alike are told apart by their ends. */
export function truncateMiddle(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  const segments = [...segmentsOf(text)]
  let [before, after] = ['', '']
  let room = columns - 1
  const fits = (segment: string | undefined): segment is string =>
    segment !== undefined && (room -= widthOfSegment(segment)) >= 0
  while (segments.length > 0) {
    const first = segments.shift()
    if (!fits(first)) break
    before += first
    const last = segments.pop()
    if (!fits(last)) break
    after = last + after
  }
  return `${before}…${after}`
}

/** Broken between words into lines of `width` columns; a word that is longer stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}

/** Without line breaks and other control characters, so that a text from elsewhere cannot steer the terminal. */
export function onOneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, ' ⏎ ').replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
}

function* segmentsOf(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter()
  for (const { segment } of segmenter.segment(text)) yield segment
}

function widthOfSegment(segment: string): number {
  if (nothing.test(segment)) return 0
  return wide.test(segment) ? 2 : 1
}
