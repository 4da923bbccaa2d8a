import type { ExperimentRow } from '../../db/experiment-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { recordEvents } from '../../events/record.ts'
import { toIso } from '../../lib/clock.ts'

/**
 * Marks an experiment and all its jobs deleted, and has what runs of it killed. Answers with the ids of the jobs. Files
 * and rows go later, once nothing runs any more.
 */
export async function deleteExperiment(
  trx: Trx,
  row: Pick<ExperimentRow, 'id' | 'teamId' | 'projectId' | 'name'>,
  actor: string,
  now: number,
): Promise<string[]> {
  await markDeleted(trx, [row.id], now)
  const { id: subject, teamId, projectId, name } = row
  await recordEvents(trx, now, [{ teamId, projectId, subject, actor, type: 'experiment.deleted', data: { name } }])
  await trx
    .updateTable('jobs')
    .set((eb) => ({ stopRequestedAt: eb.fn.coalesce('stopRequestedAt', eb.val(toIso(now))), stopGraceMs: 0 }))
    .where('experimentId', '=', row.id)
    .where('endedAt', 'is', null)
    .execute()
  const jobs = await trx
    .updateTable('jobs')
    .set(({ eb }) => ({ deletedAt: toIso(now), version: eb('version', '+', 1) }))
    .where('experimentId', '=', row.id)
    .where('deletedAt', 'is', null)
    .returning('id')
    .execute()
  return jobs.map(({ id }) => id)
}

/** Marks the experiments of a project deleted, whose jobs are deleted with all others of it. Returns their ids. */
export async function deleteExperimentsOf(trx: Trx, projectId: string, now: number): Promise<string[]> {
  const rows = await trx
    .selectFrom('experiments')
    .select('id')
    .where('projectId', '=', projectId)
    .where('deletedAt', 'is', null)
    .execute()
  const ids = rows.map(({ id }) => id)
  await markDeleted(trx, ids, now)
  return ids
}

/** One that was never started has nothing that could end: it ends here. */
async function markDeleted(trx: Trx, ids: readonly string[], now: number): Promise<void> {
  if (ids.length === 0) return
  await trx
    .updateTable('experiments')
    .set((eb) => ({
      deletedAt: toIso(now),
      stopRequestedAt: eb.fn.coalesce('stopRequestedAt', eb.val(toIso(now))),
      stopGraceMs: 0,
      version: eb('version', '+', 1),
    }))
    .where('id', 'in', ids)
    .execute()
  await trx
    .updateTable('experiments')
    .set({ endedAt: toIso(now), state: 'cancelled' })
    .where('id', 'in', ids)
    .where('startRequestedAt', 'is', null)
    .where('endedAt', 'is', null)
    .execute()
}
