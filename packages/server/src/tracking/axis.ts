import type { Point } from './point.ts'

/**
 * A long metric is kept in intervals along two axes, so that a chart of it reads in constant time. Each axis has
 * levels: the first is about as fine as the values are dense, and each further one eight times as wide.
 */
export interface Axis {
  /** Width of an interval of the first level. */
  width: number
  /** How many levels there are. */
  levels: number
  /** First and last position of any value. */
  from: number
  to: number
}

export interface Axes {
  step: Axis
  time: Axis
}

export type AxisName = keyof Axes

/** How many times wider each level is than the one before. */
export const widening = 8
/** Intervals of one level above which there is another. */
export const levelIntervals = 4096
/** Numbers of intervals that stand in one row. */
export const partIntervals = 256

export const positionOf = (axis: AxisName, point: Pick<Point, 'step' | 'at'>): number =>
  axis === 'step' ? point.step : point.at

/** The number that a level has in the rows: 0 is for values as they were logged. */
export const levelNumber = (axis: AxisName, level: number): number => (axis === 'step' ? 1 : 101) + level

export const widthOf = (axis: Axis, level: number): number => axis.width * widening ** level

export const partOf = (index: number): number => Math.floor(index / partIntervals)

/** The axes of a metric that has these values so far; none of their levels is written yet. */
export function makeAxes(points: readonly Point[]): Axes {
  return { step: makeAxis(points.map(({ step }) => step)), time: makeAxis(points.map(({ at }) => at)) }
}

/** The axis with more values on it, and as many levels as it takes then. */
export function extend(axis: Axis, positions: readonly number[]): Axis {
  const from = positions.reduce((least, position) => Math.min(least, position), axis.from)
  const to = positions.reduce((most, position) => Math.max(most, position), axis.to)
  let { levels } = axis
  while ((to - from) / widthOf(axis, levels - 1) > levelIntervals) levels += 1
  return { ...axis, from, to, levels }
}

/** As wide as the median gap between two values, rounded down to a power of two. */
function makeAxis(positions: readonly number[]): Axis {
  const sorted = positions.toSorted((a, b) => a - b)
  const gaps = sorted.map((position, index) => position - (sorted[index - 1] ?? position)).filter((gap) => gap > 0)
  const median = gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 1
  const width = 2 ** Math.floor(Math.log2(Math.max(1, median)))
  const [from = 0] = sorted
  return extend({ width, levels: 1, from, to: from }, [sorted.at(-1) ?? from])
}
