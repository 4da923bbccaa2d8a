import type { Sweep, Trial } from '@nabla/api/sweep'
import { costOf, type Objective, placeOf, valueOf } from '@nabla/api/sweep-views'
import { widthOf } from '../terminal/terminal-width.ts'
import { columnOf, longestEnd, shortEnds, type TextView } from './view-parts.ts'
import { figure } from './words.ts'

/** The best trials that are followed, a letter each. */
const letters = 'ABCDE'
/** Where several of them have the same value. */
const several = '*'

/**
 * Parallel coordinates, turned so that each axis is a line: the best trials along every parameter. The same letter is the
 * same trial.
 */
export function parallelView(
  { search }: Sweep,
  trials: readonly Trial[],
  names: readonly string[],
  objective: Objective,
  width: number,
): TextView {
  const costed = trials.flatMap((trial) => {
    const value = valueOf(trial, objective)
    return value === undefined ? [] : [{ trial, value, cost: costOf(objective, value) }]
  })
  const best = costed.toSorted((a, b) => a.cost - b.cost).slice(0, letters.length)
  const padded = columnOf(names)
  const ends = names.map((name) => shortEnds(search.space[name]!))
  const low = Math.max(...ends.map(([text]) => widthOf(text)))
  const room = Math.max(8, Math.min(40, width - widthOf(padded[0] ?? '') - low - longestEnd - 6))
  const lines = names.map((name, at) => {
    const cells = Array.from({ length: room }, () => '─')
    for (const [rank, { trial }] of best.entries()) {
      const place = placeOf(search.space[name]!, trial.values[name])
      if (place === undefined) continue
      const column = Math.round(place * (room - 1))
      cells[column] = cells[column] === '─' ? letters[rank]! : several
    }
    const [first, last] = ends[at]!
    return `${padded[at]}  ${first.padStart(low)} ${cells.join('')} ${last}`
  })
  const legend = best.map(({ trial, value }, rank) => `${letters[rank]} trial ${trial.number} ${figure(value)}`)
  return {
    title: `The best trials along all parameters (${several} is several of them)`,
    lines: [...lines, ...inRows(legend, width)],
  }
}

/** As many on a line as fit. */
function inRows(texts: readonly string[], width: number): string[] {
  const rows: string[] = []
  for (const text of texts) {
    const begun = rows.at(-1)
    if (begun === undefined || widthOf(begun) + 2 + widthOf(text) > width) rows.push(text)
    else rows[rows.length - 1] = `${begun}  ${text}`
  }
  return rows
}
