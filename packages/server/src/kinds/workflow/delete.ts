import type { Trx } from '../../db/transaction.ts'
import { toIso } from '../../lib/clock.ts'

/**
 * Marks workflows, their runs and the jobs of those deleted, and has what runs of them killed. Answers with the ids of
 * the runs and jobs, to be woken. Files and rows go later, once nothing runs any more.
 */
export async function deleteWorkflows(trx: Trx, ids: readonly string[], now: number): Promise<string[]> {
  if (ids.length === 0) return []
  const at = toIso(now)
  await trx.updateTable('workflows').set({ deletedAt: at }).where('id', 'in', ids).execute()
  await trx.deleteFrom('workflows').where('id', 'in', ids).where('lastRun', '=', 0).execute()
  await trx.deleteFrom('tags').where('subjectId', 'in', ids).execute()
  const runs = await trx
    .updateTable('workflowRuns')
    .set(({ eb, fn }) => ({
      deletedAt: at,
      stopRequestedAt: fn.coalesce('stopRequestedAt', eb.val(at)),
      stopGraceMs: 0,
      version: eb('version', '+', 1),
    }))
    .where('workflowId', 'in', ids)
    .returning('id')
    .execute()
  const runIds = runs.map(({ id }) => id)
  if (runIds.length === 0) return []
  await trx
    .updateTable('jobs')
    .set(({ eb, fn }) => ({ stopRequestedAt: fn.coalesce('stopRequestedAt', eb.val(at)), stopGraceMs: 0 }))
    .where('workflowRunId', 'in', runIds)
    .where('endedAt', 'is', null)
    .execute()
  const jobs = await trx
    .updateTable('jobs')
    .set(({ eb }) => ({ deletedAt: at, version: eb('version', '+', 1) }))
    .where('workflowRunId', 'in', runIds)
    .where('deletedAt', 'is', null)
    .returning('id')
    .execute()
  return [...runIds, ...jobs.map(({ id }) => id)]
}

/** The same for all of a project. */
export async function deleteWorkflowsOf(trx: Trx, projectId: string, now: number): Promise<string[]> {
  const rows = await trx
    .selectFrom('workflows')
    .select('id')
    .where('projectId', '=', projectId)
    .where('deletedAt', 'is', null)
    .execute()
  return deleteWorkflows(
    trx,
    rows.map(({ id }) => id),
    now,
  )
}
