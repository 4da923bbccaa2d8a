import type { ModelVersion } from '@nabla/api/model'
import type { Deps } from '../../deps.ts'

type Metrics = ModelVersion['metrics']

/** What a run came to: the last value of each metric that is a number, by name. */
export async function metricsOfRun({ db, tracking }: Pick<Deps, 'db' | 'tracking'>, runId: string): Promise<Metrics> {
  await tracking.settle([runId])
  const rows = await db
    .selectFrom('runMetrics')
    .select(['name', 'value'])
    .where('runId', '=', runId)
    .orderBy('name')
    .limit(mostMetrics)
    .execute()
  return rows.flatMap(({ name, value }) =>
    value !== null && Number.isFinite(value) ? [{ name: name.slice(0, 250), value }] : [],
  )
}

/**
 * What the runs of a job came to, whether its program logged metrics or wrote event files of TensorBoard. Where two
 * runs have a metric of one name, that of the later run counts.
 */
export async function metricsOfJob(deps: Pick<Deps, 'db' | 'tracking'>, jobId: string): Promise<Metrics> {
  const runs = await deps.db
    .selectFrom('runs')
    .select('id')
    .where('jobId', '=', jobId)
    .where('deletedAt', 'is', null)
    .orderBy('startedAt', 'desc')
    .orderBy('id', 'desc')
    .limit(mostRuns)
    .execute()
  const found = await Promise.all(runs.map(({ id }) => metricsOfRun(deps, id)))
  return mergeMetrics(found.toReversed())
}

/** Later lists go before earlier ones. */
export function mergeMetrics(lists: readonly Metrics[]): Metrics {
  const byName = new Map(lists.flat().map(({ name, value }) => [name, value]))
  return [...byName].slice(0, mostMetrics).map(([name, value]) => ({ name, value }))
}

/** As many as the contract takes of one version. */
const mostMetrics = 1000
/** Of a program that makes a run for each trial, the last ones. */
const mostRuns = 100
