import { onOneLine, truncate, truncateMiddle, widthOf } from './terminal-width.ts'

export interface Column<Row> {
  title: string
  value(row: Row): string
  /** Narrow terminals drop the columns with the highest number first; 0 always stays. */
  rank: number
  align?: 'right'
  /** Columns of the text that may be cut down to this width before a column is dropped. */
  shrinkTo?: number
  /** Where a text that is too long is cut, if not at its end. */
  cut?: 'middle'
  /** Colours the cell once it has its width. */
  paint?(text: string, row: Row): string
}

const gap = 2

/**
 * Lays out rows as text. `width`: columns of the terminal; undefined (a pipe or a file) cuts and drops nothing.
 * Long cells are cut first, from the column of highest rank on; then whole columns go.
 */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number | undefined,
  head: (text: string) => string,
): string[] {
  const cells = new Map(columns.map((column) => [column, rows.map((row) => onOneLine(column.value(row)))]))
  const natural = new Map(
    columns.map((column) => [column, Math.max(widthOf(column.title), ...(cells.get(column) ?? []).map(widthOf))]),
  )
  const widths = fit(columns, natural, width)
  const shown = columns.filter((column) => widths.has(column))
  const last = shown.at(-1)
  const line = (text: (column: Column<Row>) => string, paint: (column: Column<Row>, text: string) => string): string =>
    shown
      .map((column) => {
        const size = widths.get(column) ?? 0
        const cut = (column.cut === 'middle' ? truncateMiddle : truncate)(text(column), size)
        const blank = ' '.repeat(Math.max(0, size - widthOf(cut)))
        if (column.align === 'right') return blank + paint(column, cut)
        return paint(column, cut) + (column === last ? '' : blank)
      })
      .join(' '.repeat(gap))
      .trimEnd()
  return [
    line(
      (column) => column.title,
      (_, text) => head(text),
    ),
    ...rows.map((row, index) =>
      line(
        (column) => cells.get(column)?.[index] ?? '',
        (column, text) => column.paint?.(text, row) ?? text,
      ),
    ),
  ]
}

/**
 * Names and values below each other, the values in one column. `columns`: of the terminal; a value that is too long for
 * it goes on below, if it is made of parts.
 */
export function renderFields(
  fields: readonly (readonly [string, string])[],
  paint: (name: string) => string,
  columns?: number,
): string[] {
  const width = Math.max(...fields.map(([name]) => name.length)) + gap
  return fields.map(([name, value]) => {
    const lines = value.split('\n').flatMap((line) => (columns === undefined ? line : foldParts(line, columns - width)))
    return `${paint(name.padEnd(width))}${lines.join(`\n${' '.repeat(width)}`)}`
  })
}

/** Breaks `a → b → c` and `a · b · c` before a sign that does not fit any more. */
function foldParts(line: string, columns: number): string[] {
  const lines: string[] = []
  for (const part of line.split(/(?<= )(?=[→·] )/)) {
    const begun = lines.at(-1)
    if (begun === undefined || widthOf(begun) + widthOf(part.trimEnd()) > columns) lines.push(part)
    else lines[lines.length - 1] = begun + part
  }
  return lines.map((one) => one.trimEnd())
}

/** Widths of the columns that are shown. */
function fit<Row>(
  columns: readonly Column<Row>[],
  natural: ReadonlyMap<Column<Row>, number>,
  width: number | undefined,
): Map<Column<Row>, number> {
  let kept = columns
  for (;;) {
    const widths = new Map(kept.map((column) => [column, natural.get(column) ?? 0]))
    if (width === undefined || shrink(widths, width)) return widths
    const victim = kept.filter((column) => column.rank > 0).sort((a, b) => b.rank - a.rank)[0]
    if (!victim) return widths
    kept = kept.filter((column) => column !== victim)
  }
}

/** Cuts what may be cut until the line fits; false if that is not enough. */
function shrink<Row>(widths: Map<Column<Row>, number>, width: number): boolean {
  const sum = [...widths.values()].reduce((total, size) => total + size, gap * (widths.size - 1))
  let excess = sum - width
  for (const [column, size] of [...widths].sort(([a], [b]) => b.rank - a.rank)) {
    if (excess <= 0) break
    if (column.shrinkTo === undefined || column.shrinkTo >= size) continue
    const cut = Math.min(excess, size - column.shrinkTo)
    widths.set(column, size - cut)
    excess -= cut
  }
  return excess <= 0
}
