import { importances, toCells } from './importance.ts'
import type { Parameter, ParameterValue, SearchSpace } from './search-space.ts'
import type { SearchSettings } from './search.ts'
import type { Trial } from './sweep.ts'

/** What is drawn of a sweep, in the console and in the terminal: pure functions of its trials. */

export type Objective = SearchSettings['objectives'][number]

/** An amount of money as people write it: two digits behind the point, three that count where it is less than one. */
export function amountText(cost: number): string {
  return cost >= 1 || cost === 0 ? String(Number(cost.toFixed(2))) : String(Number(cost.toPrecision(3)))
}

/** Less is better: a value as it is compared. */
export const costOf = ({ direction }: Objective, value: number): number => (direction === 'maximize' ? -value : value)

/** The value of a trial that counts for an objective; undefined if it has none. */
export const valueOf = ({ objectives }: Trial, { metric }: Objective): number | undefined => objectives?.[metric]

/** For each trial, the best value up to it; undefined before the first. Trials that were stopped early count not. */
export function bestSoFar(trials: readonly Trial[], objective: Objective): (number | undefined)[] {
  let best: number | undefined
  return trials.map((trial) => {
    const value = trial.state === 'complete' ? valueOf(trial, objective) : undefined
    const isBetter = value !== undefined && (best === undefined || costOf(objective, value) < costOf(objective, best))
    if (isBetter) best = value
    return best
  })
}

/**
 * Places of the costs that no other dominates, in their order: nowhere worse than it and somewhere better. In order of
 * their costs, whatever dominates one comes before it, and so does one of the front that does.
 */
export function frontOf(costs: readonly (readonly number[])[]): number[] {
  const order = costs.map((_, place) => place).sort((a, b) => compareCosts(costs[a]!, costs[b]!))
  const front: number[] = []
  for (const place of order) {
    if (!front.some((other) => dominates(costs[other]!, costs[place]!))) front.push(place)
  }
  return front.sort((a, b) => a - b)
}

function dominates(one: readonly number[], other: readonly number[]): boolean {
  return one.every((cost, at) => cost <= other[at]!) && one.some((cost, at) => cost < other[at]!)
}

function compareCosts(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((cost, index) => cost !== other[index])
  return at === -1 ? 0 : one[at]! - other[at]!
}

/** Trials that no other beats in all objectives; those that are complete, unless there are none. */
export function bestTrials(trials: readonly Trial[], objectives: readonly Objective[]): Trial[] {
  const valued = trials.filter(({ objectives: own }) => own !== null)
  const complete = valued.filter(({ state }) => state === 'complete')
  const candidates = complete.length > 0 ? complete : valued
  const costs = candidates.map((trial) => objectives.map((one) => costOf(one, valueOf(trial, one) ?? Infinity)))
  return frontOf(costs).map((place) => candidates[place]!)
}

/** How far a normal parameter is drawn to either side of its mean: in deviations. */
const deviations = 3

/** Where a value stands in the range of its parameter, from 0 to 1; undefined where it has none. */
export function placeOf(one: Parameter, value: ParameterValue | undefined): number | undefined {
  if (value === undefined) return undefined
  if (one.type === 'choice') {
    const at = one.values.findIndex((choice) => choice === value)
    if (at === -1) return undefined
    return one.values.length === 1 ? 0.5 : at / (one.values.length - 1)
  }
  const number = Number(value)
  const [low, high, own] = one.type === 'normal' ? normalRange(one, number) : rangeOf(one, number)
  if (!Number.isFinite(own)) return undefined
  return high === low ? 0.5 : Math.min(1, Math.max(0, (own - low) / (high - low)))
}

type Scaled = [low: number, high: number, own: number]

function normalRange({ mean, deviation, log }: Parameter & { type: 'normal' }, number: number): Scaled {
  return [mean - deviations * deviation, mean + deviations * deviation, log ? Math.log(number) : number]
}

function rangeOf({ low, high, log }: Parameter & { type: 'uniform' | 'int' }, number: number): Scaled {
  return log ? [Math.log(low), Math.log(high), Math.log(number)] : [low, high, number]
}

/** How many values a parameter may have; undefined if there is no end to them. */
export function countOf(one: Parameter): number | undefined {
  if (one.type === 'choice') return one.values.length
  if (one.type === 'normal' || one.step === undefined) return undefined
  return Math.floor((one.high - one.low) / one.step + 1e-9) + 1
}

/** Parts that a range is cut into, `most` of them unless it has fewer values; and where a value is among them, 0 to 1. */
export interface Parts {
  count: number
  /** One part for each value. */
  isEach: boolean
  place: (value: ParameterValue | undefined) => number | undefined
}

export function partsOf(one: Parameter, most: number): Parts {
  const values = countOf(one)
  const isLog = one.type !== 'choice' && one.log
  const isEach = values !== undefined && values <= most && !isLog
  const count = isEach ? values : most
  const place = (value: ParameterValue | undefined) => {
    const at = placeOf(one, value)
    return at === undefined || !isEach ? at : (at * (count - 1) + (count === 1 ? 0 : 0.5)) / count
  }
  return { count, isEach, place }
}

/** Both ends of the range of a parameter, as text. */
export function endsOf(one: Parameter, format: (value: number) => string): [string, string] {
  if (one.type === 'choice') return [String(one.values[0]), String(one.values.at(-1))]
  if (one.type !== 'normal') return [format(one.low), format(one.high)]
  const ends = [one.mean - deviations * one.deviation, one.mean + deviations * one.deviation]
  const [low = 0, high = 0] = one.log ? ends.map(Math.exp) : ends
  return [format(low), format(high)]
}

export interface Slice {
  /** Trials that fell into each part of the range, from its low end. */
  count: number[]
  /** Their best value; null where there are none. */
  best: (number | null)[]
}

/** One parameter in parts: the best that was found in each. */
export function sliceOf(trials: readonly Trial[], name: string, parts: Parts, objective: Objective): Slice {
  const slice: Slice = {
    count: Array.from({ length: parts.count }, () => 0),
    best: Array.from({ length: parts.count }, () => null),
  }
  for (const trial of trials) {
    const value = valueOf(trial, objective)
    const place = parts.place(trial.values[name])
    if (value === undefined || place === undefined) continue
    const part = Math.min(parts.count - 1, Math.floor(place * parts.count))
    slice.count[part]! += 1
    const best = slice.best[part]
    if (typeof best !== 'number' || costOf(objective, value) < costOf(objective, best)) slice.best[part] = value
  }
  return slice
}

/** A point of a contour: where it stands in both ranges, from 0 to 1, and its value. */
export type ContourPoint = readonly [x: number, y: number, value: number]

/** How far a trial tells of the values around it, as a share of the range. */
const reach = 0.07
/** Less weight than this is too far from any trial. */
const leastWeight = 0.02

/**
 * What the value is likely to be at each cell of a grid, rows from the low end of y: the mean of all points, each weighed
 * by a normal curve over its distance (Nadaraya, On estimating regression, 1964; Watson, Smooth regression analysis, 1964).
 * Null where no point is near.
 */
export function contourOf(points: readonly ContourPoint[], columns: number, rows: number): (number | null)[][] {
  const weightsX = weights(points, 0, columns)
  const weightsY = weights(points, 1, rows)
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => {
      let [sum, total] = [0, 0]
      for (let at = 0; at < points.length; at++) {
        const weight = weightsX[column]![at]! * weightsY[row]![at]!
        total += weight
        sum += weight * points[at]![2]
      }
      return total < leastWeight ? null : sum / total
    }),
  )
}

/** For each cell along one side, the weight of each point. */
function weights(points: readonly ContourPoint[], side: 0 | 1, cells: number): Float64Array[] {
  return Array.from({ length: cells }, (_, cell) => {
    const middle = (cell + 0.5) / cells
    return Float64Array.from(points, (point) => Math.exp(-((point[side] - middle) ** 2) / (2 * reach ** 2)))
  })
}

export interface ParameterImportance {
  name: string
  /** 0 to 1, all together 1. */
  share: number
  /** -1 to 1; null where there are too few numbers. */
  correlation: number | null
}

/** Trials that the importance is learned from; more would change little, and take long. */
const mostLearned = 1500

/** At most so many of them, evenly chosen. */
export function evenly<Item>(items: readonly Item[], most: number): readonly Item[] {
  if (items.length <= most) return items
  return Array.from({ length: most }, (_, at) => items[Math.floor((at * items.length) / most)]!)
}

/** What the importance of parameters is learned from: parameters that differ, a column for each, and the values. */
export function importanceTable(trials: readonly Trial[], space: SearchSpace, objective: Objective) {
  const valued = evenly(
    trials.filter((trial) => Number.isFinite(valueOf(trial, objective) ?? Number.NaN)),
    mostLearned,
  )
  const texts = (name: string) => valued.map(({ values }) => textOf(values[name]))
  const names = Object.keys(space).filter((name) => new Set(texts(name)).size > 1)
  const target = valued.map((trial) => valueOf(trial, objective) ?? 0)
  return { names, table: { columns: names.map((name) => toCells(texts(name))), target } }
}

const textOf = (value: ParameterValue | undefined): string | undefined =>
  value === undefined ? undefined : String(value)

/** Which parameters an objective depends on, the most important first; empty with fewer trials than tell anything. */
export function importanceOf(trials: readonly Trial[], space: SearchSpace, objective: Objective, fewest = 8) {
  const { names, table } = importanceTable(trials, space, objective)
  if (table.target.length < fewest || names.length === 0) return []
  const work = importances(table)
  let step = work.next()
  while (!step.done) step = work.next()
  return step.value
    .map((found, place): ParameterImportance => ({ name: names[place]!, ...found }))
    .sort((one, other) => other.share - one.share)
}
