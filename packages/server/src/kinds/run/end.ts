import type { JobState } from '@nabla/api/job'
import type { RunState } from '@nabla/api/run'
import type { Trx } from '../../db/transaction.ts'

/** What becomes of runs that are open when their job ends. */
const stateAfter: Partial<Record<JobState, RunState>> = { succeeded: 'finished', cancelled: 'killed' }

/** Ends the runs of a job that its program has not ended, as the job did. */
export async function endRunsOfJob(trx: Trx, jobId: string, jobState: string, endedAt: string): Promise<void> {
  await trx
    .updateTable('runs')
    .set({ state: stateAfter[jobState as JobState] ?? 'failed', endedAt })
    .where('jobId', '=', jobId)
    .where('endedAt', 'is', null)
    .execute()
}

/** Forgets runs with all that they tracked. Their volumes are for the caller to remove. */
export async function forgetRuns(trx: Trx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  const projects = await trx.selectFrom('runs').select('projectId').distinct().where('id', 'in', ids).execute()
  for (const table of [
    'runParams',
    'runLabels',
    'runJournal',
    'runMetrics',
    'runValues',
    'runInputs',
    'runEventFiles',
  ] as const) {
    await trx.deleteFrom(table).where('runId', 'in', ids).execute()
  }
  await trx.deleteFrom('loggedModels').where('runId', 'in', ids).execute()
  await trx.deleteFrom('tags').where('subjectId', 'in', ids).execute()
  await trx.deleteFrom('runs').where('id', 'in', ids).execute()
  for (const { projectId } of projects) await forgetNames(trx, projectId)
}

/** Once nobody is left who could have them: a name that only some of the runs had stays until then. */
async function forgetNames(trx: Trx, projectId: string): Promise<void> {
  await trx
    .deleteFrom('runNames')
    .where('projectId', '=', projectId)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('runs').select('runs.id').where('runs.projectId', '=', projectId))),
    )
    .execute()
}

/** The same, of all runs that belong to these jobs. */
export async function forgetRunsOfJobs(trx: Trx, jobIds: readonly string[]): Promise<void> {
  const rows = await trx.selectFrom('runs').select('id').where('jobId', 'in', jobIds).execute()
  const ids = rows.map(({ id }) => id)
  for (let from = 0; from < ids.length; from += runsAtOnce) await forgetRuns(trx, ids.slice(from, from + runsAtOnce))
}

/** Runs in one statement: far below the number of parameters that SQLite allows. */
const runsAtOnce = 1000
