import type { Trx } from '../../db/transaction.ts'
import { toIso } from '../../lib/clock.ts'

/** Marks the notebooks of a project deleted, and has those that run killed. Returns their ids. */
export async function deleteNotebooksOf(trx: Trx, projectId: string, now: number): Promise<string[]> {
  const rows = await trx
    .updateTable('notebooks')
    .set((eb) => ({
      deletedAt: toIso(now),
      stopRequestedAt: eb.fn.coalesce('stopRequestedAt', eb.val(toIso(now))),
      stopGraceMs: 0,
      shareId: null,
      version: eb('version', '+', 1),
    }))
    .where('projectId', '=', projectId)
    .where('deletedAt', 'is', null)
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}
