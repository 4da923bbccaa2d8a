import { unpackStrings } from './strings.ts'
import { countOf, type Tensor } from './types.ts'

/** Scores of classes: a row for each example, a column for each class. */
export interface Scores {
  rows: number
  columns: number
  scores: Tensor
  labels(row: number, column: number): string
}

const usual = /^(scores?|prob\w*|output_prob\w*|logits)$/i

/**
 * The output of a classifier that holds scores: one of floats with two dimensions, preferably one that is named so.
 * Labels are an output of strings of the same shape, the names that are given, or numbers. Null: there is no such output.
 */
export function scoresOf(outputs: readonly Tensor[], classes: readonly string[] | null): Scores | null {
  const tables = outputs.filter(({ type, shape }) => type.startsWith('float') && shape.length === 2)
  const scores = tables.find(({ name }) => usual.test(name)) ?? tables[0]
  if (!scores) return null
  const [rows = 0, columns = 0] = scores.shape
  const named = outputs.find(({ type, shape }) => type === 'string' && countOf(shape) === rows * columns)
  const texts = named && unpackStrings(named.bytes)?.map((value) => Buffer.from(value).toString())
  const labels = (row: number, column: number): string =>
    texts?.[row * columns + column] ?? classes?.[column] ?? String(column)
  return { rows, columns, scores, labels }
}
