import type { Trx } from '../../db/transaction.ts'
import type { NotebookRow } from '../../db/notebook-tables.ts'

/** A session that had its files leaves a version of them, which is then saved. */
export async function insertVersion(trx: Trx, row: NotebookRow & { endedAt: string }): Promise<void> {
  if (row.seededAt === null || row.deletedAt !== null) return
  await trx
    .insertInto('notebookVersions')
    .values({
      notebookId: row.id,
      number: row.session,
      teamId: row.teamId,
      state: 'saving',
      reason: null,
      volumeId: null,
      digest: null,
      files: 0,
      sizeBytes: 0,
      packages: '[]',
      startedAt: row.startedAt,
      endedAt: row.endedAt,
    })
    .onConflict((conflict) => conflict.columns(['notebookId', 'number']).doNothing())
    .execute()
}
