import type { RunMetricRow } from '../db/run-tables.ts'
import { inTransaction, type Trx } from '../db/transaction.ts'
import type { Db } from '../deps.ts'
import { limits } from '../lib/limits.ts'
import { type Axes, makeAxes } from './axis.ts'
import { addToLevels } from './levels.ts'
import { keepNames } from './names.ts'
import {
  fromEntry,
  isLater,
  type JournalEntry,
  type NamedPoint,
  packPoints,
  type Point,
  unpackPoints,
} from './point.ts'

/** Values of a part as they were logged. */
export const pointsOfPart = 1024
/** Values up to which a metric is kept whole in its own row. */
const pointsOfTail = 2048

/**
 * Folds what stands in the journal of a run into its metrics: all of it in one transaction, or nothing. Answers
 * whether there is more. A run that is no more loses its journal.
 */
export async function fold(db: Db, runId: string): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    // Holds the run: two servers that fold it follow one another.
    const held = await trx
      .updateTable('runs')
      .set((eb) => ({ name: eb.ref('name') }))
      .where('id', '=', runId)
      .returning('projectId')
      .executeTakeFirst()
    const entries = await trx
      .selectFrom('runJournal')
      .select(['id', 'body'])
      .where('runId', '=', runId)
      .orderBy('id')
      .limit(limits.trackingFoldRows)
      .execute()
    const last = entries.at(-1)
    if (!last) return false
    if (held) {
      const points = entries.flatMap(({ body }) => (JSON.parse(body) as JournalEntry[]).map(fromEntry))
      const names = await foldPoints(trx, runId, points)
      await keepNames(
        trx,
        names.map((name) => ({ projectId: held.projectId, kind: 'metric', name })),
      )
    }
    await trx.deleteFrom('runJournal').where('runId', '=', runId).where('id', '<=', last.id).execute()
    return entries.length === limits.trackingFoldRows
  })
}

/** Answers with the names that the run did not have before. */
async function foldPoints(trx: Trx, runId: string, points: readonly NamedPoint[]): Promise<string[]> {
  const fresh: string[] = []
  const byName = [...Map.groupBy(points, ({ name }) => name)]
  for (let from = 0; from < byName.length; from += metricsAtOnce) {
    const group = byName.slice(from, from + metricsAtOnce)
    const names = group.map(([name]) => name)
    const found = await trx
      .selectFrom('runMetrics')
      .selectAll()
      .where('runId', '=', runId)
      .where('name', 'in', names)
      .execute()
    const before = new Map(found.map((row) => [row.name, row]))
    const rows: RunMetricRow[] = []
    for (const [name, added] of group) {
      const row = await withPoints(trx, { runId, name }, before.get(name), added)
      if (row) rows.push(row)
    }
    if (rows.length > 0) await upsert(trx, rows)
    fresh.push(...names.filter((name) => !before.has(name)))
  }
  return fresh
}

/** Metrics in one statement: far below the number of parameters that SQLite allows. */
const metricsAtOnce = 500

async function withPoints(
  trx: Trx,
  series: { runId: string; name: string },
  row: RunMetricRow | undefined,
  given: readonly Point[],
): Promise<RunMetricRow | undefined> {
  const tail = unpackPoints(row?.tail ?? '')
  const added = withoutRepeats(row, tail, given)
  if (added.length === 0) return undefined
  const all = [...tail, ...added]
  const count = (row?.count ?? 0) + added.length
  const about = { ...series, ...summary(row, added), count }
  const axes = row?.axes ? (JSON.parse(row.axes) as Axes) : null
  if (axes === null && all.length <= pointsOfTail) return { ...about, axes: null, tail: packPoints(all) }
  const rest = await writeParts(trx, series, (count - all.length) / pointsOfPart, all)
  const extended = axes
    ? await addToLevels(trx, series, axes, added, false)
    : await addToLevels(trx, series, makeAxes(all), all, true)
  return { ...about, axes: JSON.stringify(extended), tail: packPoints(rest) }
}

/** Writes what fills whole parts; returns the rest. */
async function writeParts(
  trx: Trx,
  series: { runId: string; name: string },
  first: number,
  points: readonly Point[],
): Promise<Point[]> {
  const whole = Math.floor(points.length / pointsOfPart)
  for (let part = 0; part < whole; part++) {
    const body = packPoints(points.slice(part * pointsOfPart, (part + 1) * pointsOfPart))
    await trx
      .insertInto('runValues')
      .values({ ...series, level: 0, part: first + part, body })
      .execute()
  }
  return points.slice(whole * pointsOfPart)
}

/**
 * A client that had no answer sends the same again: a value that is there already with its step and time is not kept
 * twice. Looked for among the last values only, where it can be.
 */
function withoutRepeats(row: RunMetricRow | undefined, tail: readonly Point[], given: readonly Point[]): Point[] {
  const added: Point[] = []
  let last: Pick<Point, 'step' | 'at'> | undefined = row
  let seen: Set<string> | undefined
  for (const point of given) {
    if (!last || point.step > last.step || (point.step === last.step && point.at > last.at)) last = point
    else {
      seen ??= new Set([...tail, ...added].map(keyOf))
      if (seen.has(keyOf(point))) continue
    }
    seen?.add(keyOf(point))
    added.push(point)
  }
  return added
}

const keyOf = ({ step, at, value }: Point): string => `${step} ${at} ${value}`

function summary(row: RunMetricRow | undefined, added: readonly Point[]) {
  const before: Point | undefined = row && { step: row.step, at: row.at, value: row.value ?? Number.NaN }
  let latest = before ?? added[0]!
  let least = row?.least ?? null
  let most = row?.most ?? null
  for (const point of added) {
    if (isLater(point, latest)) latest = point
    if (Number.isNaN(point.value)) continue
    least = least === null ? point.value : Math.min(least, point.value)
    most = most === null ? point.value : Math.max(most, point.value)
  }
  const value = Number.isNaN(latest.value) ? null : latest.value
  return { value, step: latest.step, at: latest.at, least, most }
}

async function upsert(trx: Trx, rows: readonly RunMetricRow[]): Promise<void> {
  await trx
    .insertInto('runMetrics')
    .values(rows)
    .onConflict((c) =>
      c.columns(['runId', 'name']).doUpdateSet((eb) => ({
        value: eb.ref('excluded.value'),
        step: eb.ref('excluded.step'),
        at: eb.ref('excluded.at'),
        least: eb.ref('excluded.least'),
        most: eb.ref('excluded.most'),
        count: eb.ref('excluded.count'),
        axes: eb.ref('excluded.axes'),
        tail: eb.ref('excluded.tail'),
      })),
    )
    .execute()
}
