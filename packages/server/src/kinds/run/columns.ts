import type { Db } from '../../deps.ts'
import { limits } from '../../lib/limits.ts'
import type { RunQuery } from './select.ts'

/**
 * The names that these runs have, sorted, up to a bound. Of many runs those are told that any run of their projects has:
 * looking at each of a hundred thousand takes longer than anybody waits.
 */
export async function columnsOf(db: Db, runs: RunQuery) {
  const { count } = await runs.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
  const namesIn = count <= mostExact ? namesOfRuns(db, runs) : namesOfProjects(db, runs)
  const metrics = await namesIn('metric')
  const params = await namesIn('param')
  const labels = await namesIn('label')
  const complete = [metrics, params, labels].every((names) => names.length <= limits.trackingColumns)
  const cut = (names: string[]) => names.slice(0, limits.trackingColumns)
  return { runs: count, metrics: cut(metrics), params: cut(params), labels: cut(labels), complete }
}

/** Runs whose names are read one by one: they are there within a blink, also where each has thousands. */
const mostExact = 100

type Kind = 'metric' | 'param' | 'label'

const tables = { metric: 'runMetrics', param: 'runParams', label: 'runLabels' } as const

function namesOfRuns(db: Db, runs: RunQuery) {
  return async (kind: Kind): Promise<string[]> => {
    const rows = await db
      .selectFrom(tables[kind])
      .select('name')
      .distinct()
      .where('runId', 'in', runs.select('runs.id'))
      .orderBy('name')
      .limit(limits.trackingColumns + 1)
      .execute()
    return rows.map(({ name }) => name)
  }
}

function namesOfProjects(db: Db, runs: RunQuery) {
  return async (kind: Kind): Promise<string[]> => {
    const rows = await db
      .selectFrom('runNames')
      .select('name')
      .distinct()
      .where('kind', '=', kind)
      .where('projectId', 'in', runs.select('runs.projectId').distinct())
      .orderBy('name')
      .limit(limits.trackingColumns + 1)
      .execute()
    return rows.map(({ name }) => name)
  }
}
