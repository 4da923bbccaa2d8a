import type { Trx } from '../db/transaction.ts'
import type { Db } from '../deps.ts'
import {
  type Axes,
  type Axis,
  type AxisName,
  extend,
  levelNumber,
  partOf,
  positionOf,
  widening,
  widthOf,
} from './axis.ts'
import { addTo, type Interval, intervalOf, merge, packIntervals, unpackIntervals } from './interval.ts'
import type { Point } from './point.ts'

export interface Series {
  runId: string
  name: string
}

/** Adds values to all levels of both axes, making those that it takes now. Returns the axes as they are then. */
export async function addToLevels(trx: Trx, series: Series, axes: Axes, points: readonly Point[], isNew: boolean) {
  const added: Axes = { ...axes }
  for (const name of ['step', 'time'] as const) {
    const before = isNew ? 0 : axes[name].levels
    const axis = extend(
      axes[name],
      points.map((point) => positionOf(name, point)),
    )
    for (let level = 0; level < axis.levels; level++) {
      const intervals =
        level < before || level === 0
          ? points.map((point) => intervalOf(point, Math.floor(positionOf(name, point) / widthOf(axis, level))))
          : (await readAll(trx, series, name, level - 1)).map((interval) => coarser(interval))
      await write(trx, series, levelNumber(name, level), merge(intervals))
    }
    added[name] = axis
  }
  return added
}

/** The intervals of one level whose numbers lie between two, those included. */
export async function readIntervals(
  db: Pick<Db, 'selectFrom'>,
  series: Series,
  number: number,
  range: { first: number; last: number },
): Promise<Interval[]> {
  const rows = await db
    .selectFrom('runValues')
    .select('body')
    .where('runId', '=', series.runId)
    .where('name', '=', series.name)
    .where('level', '=', number)
    .where('part', '>=', partOf(range.first))
    .where('part', '<=', partOf(range.last))
    .orderBy('part')
    .execute()
  const intervals = rows.flatMap(({ body }) => unpackIntervals(body))
  return intervals.filter(({ index }) => index >= range.first && index <= range.last)
}

/**
 * The finest level of an axis that has no more than `most` intervals between two positions; the widest, if they all
 * have more.
 */
export function chooseLevel(axis: Axis, span: number, most: number): number {
  let level = 0
  while (level < axis.levels - 1 && span / widthOf(axis, level) > most) level += 1
  return level
}

const coarser = (interval: Interval): Interval => ({ ...interval, index: Math.floor(interval.index / widening) })

function readAll(trx: Trx, series: Series, axis: AxisName, level: number): Promise<Interval[]> {
  const range = { first: -Number.MAX_SAFE_INTEGER, last: Number.MAX_SAFE_INTEGER }
  return readIntervals(trx, series, levelNumber(axis, level), range)
}

async function write(trx: Trx, { runId, name }: Series, level: number, intervals: readonly Interval[]): Promise<void> {
  const parts = Map.groupBy(intervals, ({ index }) => partOf(index))
  const there = await trx
    .selectFrom('runValues')
    .select(['part', 'body'])
    .where('runId', '=', runId)
    .where('name', '=', name)
    .where('level', '=', level)
    .where('part', 'in', [...parts.keys()])
    .execute()
  const before = new Map(there.map(({ part, body }) => [part, unpackIntervals(body)]))
  const rows = [...parts].map(([part, added]) => {
    const body = packIntervals(joined(before.get(part) ?? [], added))
    return { runId, name, level, part, body }
  })
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    await trx
      .insertInto('runValues')
      .values(rows.slice(from, from + rowsAtOnce))
      .onConflict((c) =>
        c.columns(['runId', 'name', 'level', 'part']).doUpdateSet((eb) => ({ body: eb.ref('excluded.body') })),
      )
      .execute()
  }
}

/** Rows in one statement: far below the number of parameters that SQLite allows. */
const rowsAtOnce = 200

function joined(before: readonly Interval[], added: readonly Interval[]): Interval[] {
  const byIndex = new Map(before.map((interval) => [interval.index, interval]))
  for (const interval of added) {
    const there = byIndex.get(interval.index)
    if (there) addTo(there, interval)
    else byIndex.set(interval.index, interval)
  }
  return [...byIndex.values()].sort((a, b) => a.index - b.index)
}
