/** Parameters told of one cell. */
const most = 200

/**
 * The assignments in the cell that is tagged `parameters`, as papermill reads them: one a line, with a comment behind
 * (https://papermill.readthedocs.io/en/latest/usage-inspect.html). Values stay as they are written.
 */
export function parametersIn(source: string): { name: string; value: string }[] {
  const found = new Map<string, string>()
  for (const line of source.split('\n')) {
    const [, name, value] = /^([\p{L}_][\p{L}\p{N}_]*)\s*(?::[^=]+)?(?:=|<-)\s*(.+)$/u.exec(line.trimEnd()) ?? []
    if (name === undefined || value === undefined || value.startsWith('=')) continue
    found.set(name, withoutComment(value).slice(0, 1000))
    if (found.size >= most) break
  }
  return [...found].map(([name, value]) => ({ name, value }))
}

/** Without what stands behind a `#` that is in no string. */
function withoutComment(text: string): string {
  let quote = ''
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!
    if (quote !== '' && letter === '\\') i++
    else if (quote !== '') quote = letter === quote ? '' : quote
    else if (letter === '"' || letter === "'") quote = letter
    else if (letter === '#') return text.slice(0, i).trim()
  }
  return text.trim()
}
