import type { Trx } from '../../db/transaction.ts'
import { toIso } from '../../lib/clock.ts'

/** Marks the deployments of a project deleted, whose instances are then killed. Returns their ids. */
export async function deleteDeploymentsOf(trx: Trx, projectId: string, now: number): Promise<string[]> {
  const rows = await trx
    .updateTable('deployments')
    .set(({ eb }) => ({ deletedAt: toIso(now), startedAt: null, version: eb('version', '+', 1) }))
    .where('projectId', '=', projectId)
    .where('deletedAt', 'is', null)
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}
