/** Text for one cell of a table: what would end the cell, or be taken for markup, is escaped. */
export const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** A table, with its header and as many rows as there are. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`)
  return lines.join('\n')
}

export const code = (text: string): string => `\`${text}\``

/** A page: its title, what it is, and its parts with an empty line between them. */
export function page(title: string, ...parts: readonly string[]): string {
  const note = '<!-- Written by `npm run reference`. Change the code that it names, not this file. -->'
  return `${[note, `# ${title}`, ...parts].join('\n\n')}\n`
}
