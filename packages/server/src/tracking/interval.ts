import type { Point } from './point.ts'
import { packNumbers, unpackNumbers } from './point.ts'

/** What lies in one interval of steps or of time. Two of them add up in any order, so values may come in any order. */
export interface Interval {
  /** Number of the interval: its begin, divided by its width. */
  index: number
  /** Of its first value: the one of the least step, and of those the earliest. */
  step: number
  at: number
  /** How many are finite; and their sum, least and most. */
  count: number
  sum: number
  least: number
  most: number
  /** Bits: which of NaN (1), Infinity (2) and -Infinity (4) occur. */
  odd: number
}

/** The interval of one value. */
export function intervalOf(point: Point, index: number): Interval {
  const { step, at, value } = point
  const odd = Number.isFinite(value) ? 0 : Number.isNaN(value) ? 1 : value > 0 ? 2 : 4
  if (odd !== 0) return { index, step, at, count: 0, sum: 0, least: 0, most: 0, odd }
  return { index, step, at, count: 1, sum: value, least: value, most: value, odd }
}

/** Adds `other` to `target`. */
export function addTo(target: Interval, other: Interval): void {
  if (other.step < target.step || (other.step === target.step && other.at < target.at)) {
    target.step = other.step
    target.at = other.at
  }
  if (other.count > 0) {
    target.least = target.count === 0 ? other.least : Math.min(target.least, other.least)
    target.most = target.count === 0 ? other.most : Math.max(target.most, other.most)
  }
  target.count += other.count
  target.sum += other.sum
  target.odd |= other.odd
}

/** Puts together those with the same index; sorted by it. */
export function merge(intervals: Iterable<Interval>): Interval[] {
  const byIndex = new Map<number, Interval>()
  for (const interval of intervals) {
    const there = byIndex.get(interval.index)
    if (there) addTo(there, interval)
    else byIndex.set(interval.index, { ...interval })
  }
  return [...byIndex.values()].sort((a, b) => a.index - b.index)
}

export const packIntervals = (intervals: readonly Interval[]): string =>
  packNumbers(
    intervals.map(({ index, step, at, count, sum, least, most, odd }) => [
      index,
      step,
      at,
      count,
      sum,
      least,
      most,
      odd,
    ]),
    8,
  )

export const unpackIntervals = (text: string): Interval[] =>
  unpackNumbers(text, 8).map(([index, step, at, count, sum, least, most, odd]) => ({
    index: index!,
    step: step!,
    at: at!,
    count: count!,
    sum: sum!,
    least: least!,
    most: most!,
    odd: odd!,
  }))
