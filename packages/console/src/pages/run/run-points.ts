import { toCsv } from '@nabla/api/csv'
import type { RunPoint } from '@nabla/api/run'
import { numberOf, valueOf } from '@nabla/api/run-states'
import type { MetricPoint } from '@nabla/api/metric'
import { smooth } from '../../parts/smoothing.ts'

/** What stands along x: the step, the time since the run began, the time of day, or what the metric `epoch` says. */
export type RunAxis = 'step' | 'time' | 'clock' | 'epoch'

/** A value as it was logged a moment ago: step, time in ms, value. */
export type LivePoint = readonly [step: number, time: number, value: number]

/** Adds what came since to the points that were read; what is there already is left out. */
export function withLive(points: readonly RunPoint[], live: readonly LivePoint[]): readonly RunPoint[] {
  const last = points.at(-1)
  const fresh = last === undefined ? live : live.filter(([step, time]) => step > last[0] || time > last[1])
  if (fresh.length === 0) return points
  const added = fresh.map(([step, time, value]): RunPoint => [
    step,
    time,
    valueOf(value),
    valueOf(value),
    valueOf(value),
  ])
  return [...points, ...added]
}

/** Points of runs as CSV, as they were read: where one stands for several values, `value` is their mean. */
export function csvOfRuns(runs: readonly { id: string; name: string; points: readonly RunPoint[] }[]): string {
  const rows = runs.flatMap(({ id, name, points }) =>
    points.map(([step, time, least, mean, most]) => [
      name,
      id,
      step,
      new Date(time).toISOString(),
      ...[mean, least, most].map(String),
    ]),
  )
  return toCsv(['run', 'id', 'step', 'time', 'value', 'least', 'most'], rows)
}

/** Points as a chart draws them, by x. A value that is no number is a gap; `odd` counts them. */
export function toChart(
  points: readonly RunPoint[],
  given: { axis: RunAxis; begin: number; epochs?: readonly RunPoint[] | undefined },
): { points: MetricPoint[]; odd: number } {
  const xOf = xBy(given)
  let odd = 0
  const drawn = points.flatMap((point): MetricPoint[] => {
    const x = xOf(point)
    if (x === undefined) return []
    const values = [point[2], point[3], point[4]].map((value) => {
      const number = numberOf(value)
      return Number.isFinite(number) ? number : null
    })
    if (values[1] === null) odd += 1
    return [[x, values[0]!, values[1]!, values[2]!]]
  })
  return { points: drawn.sort((one, other) => one[0] - other[0]), odd }
}

/** The same with smoothed means, without least and most. */
export function smoothed(points: readonly MetricPoint[], weight: number): MetricPoint[] {
  const means = smooth(
    points.map((point) => point[2]),
    weight,
  )
  return points.map(([x], place) => [x, means[place]!, means[place]!, means[place]!])
}

function xBy(given: Parameters<typeof toChart>[1]): (point: RunPoint) => number | undefined {
  switch (given.axis) {
    case 'step':
      return ([step]) => step
    case 'time':
      return ([, time]) => time - given.begin
    case 'clock':
      return ([, time]) => time
    case 'epoch':
      return epochAt(given.epochs ?? [])
    default:
      return given.axis satisfies never
  }
}

/** What epoch it was at a step: between two that were logged it lies in proportion, before the first there is none. */
function epochAt(epochs: readonly RunPoint[]): (point: RunPoint) => number | undefined {
  const known = epochs
    .map(([step, , , value]) => [step, numberOf(value)] as const)
    .filter(([, epoch]) => Number.isFinite(epoch))
    .toSorted((one, other) => one[0] - other[0])
  return ([step]) => {
    let [low, high] = [0, known.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (known[middle]![0] <= step) low = middle + 1
      else high = middle
    }
    const [before, after] = [known[low - 1], known[low]]
    if (!before) return undefined
    if (!after) return before[1]
    return before[1] + ((after[1] - before[1]) * (step - before[0])) / (after[0] - before[0])
  }
}
