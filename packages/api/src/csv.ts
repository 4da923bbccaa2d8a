/** What a cell holds. Null: nothing is known. */
export type CsvCell = string | number | null

/** Rows as CSV, with a line of names first. */
export const toCsv = (names: readonly string[], rows: readonly (readonly CsvCell[])[]): string =>
  [names, ...rows].map(csvLine).join('')

/**
 * One row as CSV (RFC 4180), with the end of its line. A text that a spreadsheet would take for a formula is made plain
 * by an apostrophe, numbers excepted (https://owasp.org/www-community/attacks/CSV_Injection).
 */
export const csvLine = (cells: readonly CsvCell[]): string => `${cells.map(toField).join(',')}\r\n`

function toField(cell: CsvCell): string {
  const text = String(cell ?? '')
  const plain = /^[=+\-@\t\r]/.test(text) && !isNumber(text) ? `'${text}` : text
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}

const isNumber = (text: string): boolean => text === '-Infinity' || Number.isFinite(Number(text))
