/** A piece of text within a line. */
export type Inline =
  | { is: 'text' | 'code' | 'strong' | 'emphasis'; text: string }
  | { is: 'link'; text: string; href: string }

export type Block =
  | { is: 'heading'; level: 1 | 2 | 3; content: Inline[] }
  | { is: 'paragraph' | 'quote'; content: Inline[] }
  | { is: 'code'; text: string }
  | { is: 'list'; ordered: boolean; items: Inline[][] }
  | { is: 'rule' }

/**
 * The part of CommonMark that notes are written in: headings, paragraphs, lists, quotes, code, emphasis and links. There is
 * no HTML in it and there are no images: what is not understood stays as it was typed.
 */
export function parseMarkdown(text: string): Block[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const blocks: Block[] = []
  for (let at = 0; at < lines.length;) {
    const line = lines[at]!
    if (line.trim() === '') {
      at += 1
      continue
    }
    const { block, next } = readBlock(lines, at)
    blocks.push(block)
    at = next
  }
  return blocks
}

const bullet = /^\s{0,3}[-*+]\s+(.*)$/
const numbered = /^\s{0,3}\d{1,9}[.)]\s+(.*)$/
const special = /^\s{0,3}(#{1,6}\s|```|~~~|>|[-*+]\s|\d{1,9}[.)]\s)/

function readBlock(lines: readonly string[], at: number): { block: Block; next: number } {
  const line = lines[at]!
  const fence = /^\s{0,3}(```|~~~)/.exec(line)?.[1]
  if (fence !== undefined) return readFence(lines, at, fence)
  const heading = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*$/.exec(line)
  if (heading) {
    const level = Math.min(3, heading[1]!.length) as 1 | 2 | 3
    return { block: { is: 'heading', level, content: parseInline(heading[2]!) }, next: at + 1 }
  }
  if (/^\s{0,3}([-*_])(\s*\1){2,}\s*$/.test(line)) return { block: { is: 'rule' }, next: at + 1 }
  for (const [pattern, ordered] of [
    [bullet, false],
    [numbered, true],
  ] as const) {
    if (pattern.test(line)) return readList(lines, at, pattern, ordered)
  }
  const isQuote = line.trimStart().startsWith('>')
  let next = at + 1
  const belongs = (text: string | undefined) =>
    text !== undefined && text.trim() !== '' && (isQuote ? text.trimStart().startsWith('>') : !special.test(text))
  while (belongs(lines[next])) next += 1
  const own = lines.slice(at, next).map((text) => (isQuote ? text.replace(/^\s*>\s?/, '') : text).trim())
  return { block: { is: isQuote ? 'quote' : 'paragraph', content: parseInline(own.join(' ')) }, next }
}

function readFence(lines: readonly string[], at: number, fence: string): { block: Block; next: number } {
  const end = lines.findIndex((line, index) => index > at && line.trim().startsWith(fence))
  const last = end === -1 ? lines.length : end
  return { block: { is: 'code', text: lines.slice(at + 1, last).join('\n') }, next: last + 1 }
}

function readList(lines: readonly string[], at: number, pattern: RegExp, ordered: boolean) {
  const items: string[] = []
  let next = at
  for (let line = lines[next]; line !== undefined && line.trim() !== ''; line = lines[++next]) {
    const item = pattern.exec(line)
    if (item) items.push(item[1]!)
    else if (special.test(line)) break
    else items.push(`${items.pop()} ${line.trim()}`)
  }
  return { block: { is: 'list', ordered, items: items.map(parseInline) } satisfies Block, next }
}

const inline =
  /`([^`]+)`|\*\*([^*]+)\*\*|__([^_]+)__|\*([^*\s][^*]*)\*|(?<!\w)_([^_\s][^_]*)_(?!\w)|\[([^\]]+)\]\(([^()\s]+)\)|(https?:\/\/[^\s<>)]+)/g

function parseInline(text: string): Inline[] {
  const pieces: Inline[] = []
  let from = 0
  for (const match of text.matchAll(inline)) {
    if (match.index > from) pieces.push({ is: 'text', text: text.slice(from, match.index) })
    pieces.push(pieceOf(match))
    from = match.index + match[0].length
  }
  if (from < text.length) pieces.push({ is: 'text', text: text.slice(from) })
  return pieces
}

function pieceOf(match: RegExpMatchArray): Inline {
  const [whole, code, strong, strong2, emphasis, emphasis2, label, target, bare] = match
  if (code !== undefined) return { is: 'code', text: code }
  if (strong !== undefined || strong2 !== undefined) return { is: 'strong', text: (strong ?? strong2)! }
  if (emphasis !== undefined || emphasis2 !== undefined) return { is: 'emphasis', text: (emphasis ?? emphasis2)! }
  if (bare !== undefined) return { is: 'link', text: bare, href: bare }
  // Only addresses that a browser opens as a page: no scripts, and no files.
  return /^(https?:\/\/|mailto:)/i.test(target!)
    ? { is: 'link', text: label!, href: target! }
    : { is: 'text', text: whole }
}
