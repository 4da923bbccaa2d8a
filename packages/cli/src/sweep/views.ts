import type { Sweep, Trial } from '@nabla/api/sweep'
import {
  bestTrials,
  type ContourPoint,
  contourOf,
  costOf,
  evenly,
  importanceOf,
  type Objective,
  type ParameterImportance,
  type Parts,
  partsOf,
  sliceOf,
  valueOf,
} from '@nabla/api/sweep-views'
import { gauge, sparkline } from '../terminal/sparkline.ts'
import { truncate, widthOf, wrap } from '../terminal/terminal-width.ts'
import { parallelView } from './parallel-view.ts'
import { timelineView } from './timeline-view.ts'
import { columnOf, longestEnd, shortEnds, shortName, spread, type TextView } from './view-parts.ts'
import { figure } from './words.ts'

/** Parameters that are shown; the most important come first. */
const mostParameters = 12
const shades = '·░▒▓█'
const contourRows = 9
const mostPoints = 2000

export interface ViewOptions {
  /** Columns of the terminal. */
  width: number
  /** Two parameters for the map; without, those that matter most. */
  over?: [string, string] | undefined
  nowMs: number
}

/**
 * What depends on what in a sweep, and when its trials ran: Pareto front, importance, slices, the best trials along all
 * parameters, one contour, and a timeline; those that there are trials for.
 */
export function textViews(sweep: Sweep, trials: readonly Trial[], options: ViewOptions): TextView[] {
  return drawn(sweep, trials, options).map(({ title, lines }) => ({
    title: widthOf(title) <= options.width ? title : wrap(title, options.width).join('\n'),
    lines,
  }))
}

function drawn(sweep: Sweep, trials: readonly Trial[], { width, over, nowMs }: ViewOptions): TextView[] {
  const { objectives, space } = sweep.search
  const valued = trials.filter(({ objectives: own }) => own !== null)
  const front = objectives.length > 1 && valued.length > 1 ? [frontView(valued, objectives, width)] : []
  const timeline = trials.length > 1 ? [timelineView(trials, width, nowMs)] : []
  const [objective] = objectives
  const ranks = objective ? importanceOf(valued, space, objective) : []
  if (!objective || ranks.length === 0) return [...front, ...timeline]
  const names = ranks.slice(0, mostParameters).map(({ name }) => name)
  const pair = over ?? pairOf(names)
  return [
    ...front,
    importanceView(ranks.slice(0, mostParameters), objective, width),
    sliceView(sweep, valued, names, objective, width),
    parallelView(sweep, valued, names, objective, width),
    ...(pair ? [contourView(sweep, valued, pair, objective, width)] : []),
    ...timeline,
  ]
}

/** The two that matter most, if there are two. */
function pairOf([one, other]: readonly string[]): [string, string] | undefined {
  return one === undefined || other === undefined ? undefined : [one, other]
}

function importanceView(ranks: readonly ParameterImportance[], { metric }: Objective, width: number): TextView {
  const names = columnOf(ranks.map(({ name }) => name))
  const bar = Math.max(8, Math.min(40, width - widthOf(names[0] ?? '') - 10))
  const lines = ranks.map(
    ({ share }, at) => `${names[at]}  ${gauge(share, bar)} ${String(Math.round(share * 100)).padStart(3)} %`,
  )
  return { title: `Importance for ${shortName(metric)}`, lines }
}

function sliceView(
  { search }: Sweep,
  trials: readonly Trial[],
  names: readonly string[],
  objective: Objective,
  width: number,
): TextView {
  const padded = columnOf(names)
  const ends = names.map((name) => shortEnds(search.space[name]!))
  const low = Math.max(...ends.map(([text]) => widthOf(text)))
  const room = Math.max(8, Math.min(32, width - widthOf(padded[0] ?? '') - low - longestEnd - 6))
  const lines = names.map((name, at) => {
    const one = search.space[name]!
    const parts = partsOf(one, room)
    const { best } = sliceOf(trials, name, parts, objective)
    const costs = best.map((value) => (value === null ? null : costOf(objective, value)))
    const bars = barsOf(costs)
    const [first, last] = ends[at]!
    if (one.type !== 'choice') return `${padded[at]}  ${first.padStart(low)} ${bars} ${last}`
    const each = one.values.slice(0, bars.length).map((value, place) => `${bars[place]} ${String(value)}`)
    return truncate(`${padded[at]}  ${' '.repeat(low)} ${each.join('  ')}`, width)
  })
  return { title: `Best ${shortName(objective.metric)} along each parameter (higher bars are better)`, lines }
}

/** A bar for each cost, the highest for the least. */
function barsOf(costs: readonly (number | null)[]): string {
  const present = costs.filter((cost) => cost !== null)
  const [least, most] = [Math.min(...present), Math.max(...present)]
  // The worst has a bar too: what has none was not tried.
  const foot = (most - least) / 8 || 1
  return sparkline(
    costs.map((cost) => (cost === null ? null : most - cost + foot)),
    costs.length,
    most - least + foot,
  )
}

function contourView(
  { search }: Sweep,
  trials: readonly Trial[],
  [across, up]: [string, string],
  objective: Objective,
  width: number,
): TextView {
  const [one, other] = [search.space[across]!, search.space[up]!]
  const [low, high] = shortEnds(other)
  const labelsOf = ({ count, isEach }: Parts): string[] =>
    Array.from({ length: count }, (_, row) => {
      if (isEach && other.type === 'choice') return truncate(String(other.values[row]), longestEnd)
      return row === 0 ? low : row === count - 1 ? high : ''
    })
  const rows = partsOf(other, contourRows)
  const labels = labelsOf(rows)
  const margin = Math.max(...labels.map(widthOf))
  const room = Math.max(10, Math.min(56, width - margin - 2))
  const columns = partsOf(one, room)
  const points = evenly(trials, mostPoints).flatMap((trial): ContourPoint[] => {
    const [x, y] = [columns.place(trial.values[across]), rows.place(trial.values[up])]
    const value = valueOf(trial, objective)
    return x === undefined || y === undefined || value === undefined ? [] : [[x, y, costOf(objective, value)]]
  })
  const grid = contourOf(points, columns.count, rows.count)
  const shade = shader(grid.flat())
  const cellWidth = columns.isEach ? Math.min(8, Math.floor(room / columns.count)) : 1
  const lines = grid.map((cells, row) => {
    const blank = ' '.repeat(margin - widthOf(labels[row]!))
    return `${blank}${labels[row]} │${cells.map((cell) => shade(cell).repeat(cellWidth)).join('')}`
  })
  const columnsDrawn = columns.count * cellWidth
  const ticks =
    one.type === 'choice' && columns.isEach
      ? one.values.map((value) => ticked(String(value), cellWidth)).join('')
      : spread(shortEnds(one), columnsDrawn)
  const title = `${shortName(objective.metric)} by ${shortName(across)} (across) and ${shortName(up)} (up); darker is better`
  return { title, lines: [...lines.toReversed(), `${' '.repeat(margin + 2)}${ticks}`] }
}

/** A label in its columns, with a blank behind it. */
function ticked(label: string, columns: number): string {
  const cut = truncate(label, Math.max(1, columns - 1))
  return cut + ' '.repeat(Math.max(0, columns - widthOf(cut)))
}

/** The darkest shade for the least cost. Shares are by rank, so that one bad trial does not make all others alike. */
function shader(costs: readonly (number | null)[]): (cost: number | null) => string {
  const sorted = costs.filter((cost) => cost !== null).sort((a, b) => a - b)
  const bounds = Array.from({ length: shades.length - 1 }, (_, at) => {
    const share = (at + 1) / shades.length
    return sorted[Math.floor(share * sorted.length)] ?? 0
  })
  return (cost) => {
    if (cost === null) return ' '
    const worse = bounds.filter((bound) => cost >= bound && bound > (sorted[0] ?? 0)).length
    return shades[shades.length - 1 - worse] ?? ' '
  }
}

const frontRows = 12

function frontView(trials: readonly Trial[], objectives: readonly Objective[], width: number): TextView {
  const [across, up] = objectives as [Objective, Objective]
  const best = new Set(bestTrials(trials, objectives).map(({ number }) => number))
  const [xs, ys] = [across, up].map((one) => trials.map((trial) => valueOf(trial, one) ?? 0)) as [number[], number[]]
  const [left, right] = endsOfValues(xs)
  const [low, high] = endsOfValues(ys)
  const margin = Math.max(figure(low).length, figure(high).length)
  const columns = Math.max(10, Math.min(60, width - margin - 2))
  const cells = Array.from({ length: frontRows }, () => Array.from({ length: columns }, () => ' '))
  const draw = (of: (trial: Trial) => boolean, sign: string) => {
    for (const [at, trial] of trials.entries()) {
      if (!of(trial)) continue
      const x = Math.round(shareOf(xs[at]!, left, right) * (columns - 1))
      const y = Math.round(shareOf(ys[at]!, low, high) * (frontRows - 1))
      cells[frontRows - 1 - y]![x] = sign
    }
  }
  draw(() => true, '·')
  draw(({ number }) => best.has(number), '●')
  const rows = cells.map((line, at) => {
    const label = at === 0 ? figure(high) : at === frontRows - 1 ? figure(low) : ''
    return `${label.padStart(margin)} │${line.join('')}`.trimEnd()
  })
  const below = `${' '.repeat(margin + 2)}${spread([figure(left), figure(right)], columns)}`
  const title = `${shortName(across.metric)} (across) and ${shortName(up.metric)} (up); ● no other trial is better in all`
  return { title, lines: [...rows, below] }
}

function endsOfValues(values: readonly number[]): [number, number] {
  return [
    values.reduce((least, value) => Math.min(least, value), Infinity),
    values.reduce((most, value) => Math.max(most, value), -Infinity),
  ]
}

const shareOf = (value: number, low: number, high: number): number =>
  high === low ? 0.5 : (value - low) / (high - low)
