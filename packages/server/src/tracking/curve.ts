import type { RunMetricRow } from '../db/run-tables.ts'
import type { Db } from '../deps.ts'
import { type Axes, type AxisName, levelNumber, positionOf, widthOf } from './axis.ts'
import { pointsOfPart } from './fold.ts'
import { type Interval, intervalOf, merge } from './interval.ts'
import { chooseLevel, readIntervals } from './levels.ts'
import { type Point, unpackPoints } from './point.ts'

export interface CurveQuery {
  axis: AxisName
  from?: number | undefined
  to?: number | undefined
  /** Most intervals. */
  points: number
}

/** `[step, time, least, mean, most]`: of its first value the first two. */
export type CurvePoint = [number, number, number, number, number]

export interface Curve {
  /** Values in the range; where intervals overlap its ends, those of the whole intervals. */
  count: number
  points: CurvePoint[]
}

/** How many intervals are read for each that is wanted: they need not begin where a level's do. */
const finer = 8

/** One metric, thinned. Reads a bounded number of rows, however many values there are. */
export async function readCurve(db: Db, row: RunMetricRow, query: CurveQuery): Promise<Curve> {
  const { axis, points: most } = query
  const axes = row.axes === null ? null : (JSON.parse(row.axes) as Axes)
  const from = query.from ?? -Number.MAX_SAFE_INTEGER
  const to = query.to ?? Number.MAX_SAFE_INTEGER
  const found = axes
    ? await readLevel(db, row, axes, { axis, from, to, most })
    : unpackPoints(row.tail)
        .filter((point) => positionOf(axis, point) >= from && positionOf(axis, point) <= to)
        .map((point) => intervalOf(point, positionOf(axis, point)))
  return thin(found, axis, most)
}

/** Every value as it was logged, in the order of logging: those from the `offset`-th on. */
export async function readHistory(db: Db, row: RunMetricRow, offset: number, limit: number): Promise<Point[]> {
  const tail = unpackPoints(row.tail)
  const stored = row.count - tail.length
  const points: Point[] = []
  if (offset < stored) {
    const first = Math.floor(offset / pointsOfPart)
    const parts = await db
      .selectFrom('runValues')
      .select('body')
      .where('runId', '=', row.runId)
      .where('name', '=', row.name)
      .where('level', '=', 0)
      .where('part', '>=', first)
      .where('part', '<=', Math.floor((offset + limit) / pointsOfPart))
      .orderBy('part')
      .execute()
    points.push(...parts.flatMap(({ body }) => unpackPoints(body)).slice(offset - first * pointsOfPart))
  }
  points.push(...tail.slice(Math.max(0, offset - stored)))
  return points.slice(0, limit)
}

async function readLevel(
  db: Db,
  row: RunMetricRow,
  axes: Axes,
  range: { axis: AxisName; from: number; to: number; most: number },
): Promise<Interval[]> {
  const axis = axes[range.axis]
  const from = Math.max(range.from, axis.from)
  const to = Math.min(range.to, axis.to)
  if (from > to) return []
  const level = chooseLevel(axis, to - from, range.most * finer)
  const width = widthOf(axis, level)
  const indexes = { first: Math.floor(from / width), last: Math.floor(to / width) }
  return readIntervals(db, row, levelNumber(range.axis, level), indexes)
}

function thin(found: readonly Interval[], axis: AxisName, most: number): Curve {
  const places = found.map((interval) => positionOf(axis, interval))
  const first = places.reduce((least, place) => Math.min(least, place), Number.POSITIVE_INFINITY)
  const last = places.reduce((greatest, place) => Math.max(greatest, place), Number.NEGATIVE_INFINITY)
  const distinct = new Set(places).size
  const width = distinct <= most ? 0 : (last - first) / most
  const merged = merge(
    found.map((interval, index) => {
      const place = places[index]!
      // The last one belongs to the interval before it and begins none of its own.
      const number = width === 0 ? place : Math.min(most - 1, Math.floor((place - first) / width))
      return { ...interval, index: number }
    }),
  )
  const count = merged.reduce((sum, interval) => sum + interval.count, 0)
  return { count, points: merged.flatMap(toPoints) }
}

/** What is no number stands alone: it would take the others of its interval with it. */
function toPoints({ step, at, count, sum, least, most, odd }: Interval): CurvePoint[] {
  const points: CurvePoint[] = []
  if (count > 0) points.push([step, at, least, sum / count, most])
  for (const [bit, value] of oddValues) if (odd & bit) points.push([step, at, value, value, value])
  return points
}

const oddValues = [
  [1, Number.NaN],
  [2, Number.POSITIVE_INFINITY],
  [4, Number.NEGATIVE_INFINITY],
] as const
