import type { Parameter } from '@nabla/api/search-space'
import { endsOf } from '@nabla/api/sweep-views'
import { truncate, widthOf } from '../terminal/terminal-width.ts'
import { figure } from './words.ts'

/** One picture of a sweep as lines of text, none longer than was asked for. */
export interface TextView {
  /** Of several lines where it does not fit. */
  title: string
  lines: string[]
}

export const longestEnd = 10
const longestName = 20

/** A name as it stands in titles and columns. */
export const shortName = (name: string): string => truncate(name, longestName)

/** The ends of its range, cut. */
export function shortEnds(one: Parameter): [string, string] {
  const [low, high] = endsOf(one, figure)
  return [truncate(low, longestEnd), truncate(high, longestEnd)]
}

/** Two labels at both ends of so many columns. */
export const spread = ([left, right]: [string, string], columns: number): string =>
  left + ' '.repeat(Math.max(1, columns - widthOf(left) - widthOf(right))) + right

/** Names of equal width. */
export function columnOf(names: readonly string[]): string[] {
  const cut = names.map(shortName)
  const most = Math.max(...cut.map(widthOf))
  return cut.map((name) => name + ' '.repeat(most - widthOf(name)))
}
