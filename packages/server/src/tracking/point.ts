import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'

/** One value of one metric. */
export interface Point {
  step: number
  /** Milliseconds since the epoch. */
  at: number
  value: number
}

export interface NamedPoint extends Point {
  name: string
}

/** One value in the journal, as JSON has it. */
export type JournalEntry = [name: string, step: number, at: number, value: number | string]

/** JSON has no words for what is not finite: it is text. */
export const toEntry = ({ name, step, at, value }: NamedPoint): JournalEntry => [
  name,
  step,
  at,
  Number.isFinite(value) ? value : String(value),
]

export const fromEntry = ([name, step, at, value]: JournalEntry): NamedPoint => ({
  name,
  step,
  at,
  value: Number(value),
})

/**
 * Which of two values is the latest, as MLflow has it: that of the greater step, then of the later time, then the
 * greater; a value that is no number is less than all.
 */
export function isLater(one: Point, other: Point): boolean {
  if (one.step !== other.step) return one.step > other.step
  if (one.at !== other.at) return one.at > other.at
  return one.value > other.value || Number.isNaN(other.value)
}

/** Numbers as text for a column: 8 bytes each, column by column, since neighbours are alike; then zstd and base64. */
export function packNumbers(rows: readonly (readonly number[])[], width: number): string {
  if (rows.length === 0) return ''
  const numbers = new Float64Array(rows.length * width)
  for (const [index, row] of rows.entries()) {
    for (let column = 0; column < width; column++) numbers[column * rows.length + index] = row[column] ?? 0
  }
  return zstdCompressSync(numbers).toString('base64')
}

/** The other way round. */
export function unpackNumbers(text: string, width: number): number[][] {
  if (text === '') return []
  const bytes = zstdDecompressSync(Buffer.from(text, 'base64'))
  const count = bytes.length / 8 / width
  const rows: number[][] = []
  for (let index = 0; index < count; index++) {
    const row: number[] = []
    for (let column = 0; column < width; column++) row.push(bytes.readDoubleLE((column * count + index) * 8))
    rows.push(row)
  }
  return rows
}

export const packPoints = (points: readonly Point[]): string =>
  packNumbers(
    points.map(({ step, at, value }) => [step, at, value]),
    3,
  )

export const unpackPoints = (text: string): Point[] =>
  unpackNumbers(text, 3).map(([step, at, value]) => ({ step: step!, at: at!, value: value! }))
