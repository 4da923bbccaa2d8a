import type { TrialRow } from '../../db/sweep-tables.ts'
import type { Deps } from '../../deps.ts'
import type { TrialEnd } from './tell.ts'

/** The latest value of each objective that the program of a trial logged; those that it did not are missing. */
export interface ReadObjectives {
  values: ReadonlyMap<string, number>
  step: number
}

/** Reads them of the run of a job, or of the newest of its runs that has them all. */
export async function readObjectives(deps: Deps, jobId: string, metrics: readonly string[]): Promise<ReadObjectives> {
  const runs = await deps.db
    .selectFrom('runs')
    .select('id')
    .where('jobId', '=', jobId)
    .orderBy('startedAt', 'desc')
    .orderBy('id')
    .limit(mostRuns)
    .execute()
  const ids = runs.map(({ id }) => id)
  let best: ReadObjectives = { values: new Map(), step: 0 }
  if (ids.length === 0) return best
  await deps.tracking.settle(ids)
  const rows = await deps.db
    .selectFrom('runMetrics')
    .select(['runId', 'name', 'value', 'step'])
    .where('runId', 'in', ids)
    .where('name', 'in', metrics)
    .execute()
  for (const id of ids) {
    const own = rows.filter(({ runId }) => runId === id)
    if (own.length <= best.values.size) continue
    const values = new Map(own.map(({ name, value }) => [name, value ?? Number.NaN]))
    best = { values, step: Math.max(...own.map(({ step }) => step)) }
  }
  return best
}

/** A program that makes more runs than these in one trial is looked through no further. */
const mostRuns = 100

/** What a trial whose job has ended came to. Pure. */
export function endOf(
  metrics: readonly string[],
  { values, step }: ReadObjectives,
  trial: Pick<TrialRow, 'stopRequestedAt'> & { jobState: string; jobReason: string | null },
): Omit<TrialEnd, 'cost'> {
  const objectives = metrics.map((metric) => values.get(metric) ?? Number.NaN)
  const missing = metrics.find((metric) => !values.has(metric))
  const odd = metrics.find((_, at) => !Number.isFinite(objectives[at]))
  const failed = (reason: string): Omit<TrialEnd, 'cost'> => ({ state: 'failed', objectives: [], step, reason })
  const byRule = trial.stopRequestedAt !== null && trial.jobState !== 'succeeded'
  if (!byRule && trial.jobState !== 'succeeded') return failed(trial.jobReason ?? 'Its job did not succeed.')
  if (missing !== undefined) {
    return failed(`Its program never logged ${missing}: log it as a metric, or name another one as the objective.`)
  }
  if (odd !== undefined) return failed(`The last value of ${odd} is not a finite number.`)
  return { state: byRule ? 'stopped' : 'complete', objectives, step, reason: null }
}
