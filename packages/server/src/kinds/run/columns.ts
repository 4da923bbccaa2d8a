import type { Db } from '../../deps.ts'
import { limits } from '../../lib/limits.ts'
import type { RunQuery } from './select.ts'

/** The names that these runs have, sorted, up to a bound. */
export async function columnsOf(db: Db, runs: RunQuery) {
  const { count } = await runs.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
  const namesIn = async (table: 'runMetrics' | 'runParams' | 'runLabels') => {
    const rows = await db
      .selectFrom(table)
      .select('name')
      .distinct()
      .where('runId', 'in', runs.select('runs.id'))
      .orderBy('name')
      .limit(limits.trackingColumns + 1)
      .execute()
    return rows.map(({ name }) => name)
  }
  const metrics = await namesIn('runMetrics')
  const params = await namesIn('runParams')
  const labels = await namesIn('runLabels')
  const complete = [metrics, params, labels].every((names) => names.length <= limits.trackingColumns)
  const cut = (names: string[]) => names.slice(0, limits.trackingColumns)
  return { runs: count, metrics: cut(metrics), params: cut(params), labels: cut(labels), complete }
}
