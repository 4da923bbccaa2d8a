import type { Trx } from '../db/transaction.ts'

/** Replaces all tags of a resource. */
export async function replaceTags(trx: Trx, teamId: string, subjectId: string, tags: readonly string[]): Promise<void> {
  await trx.deleteFrom('tags').where('subjectId', '=', subjectId).execute()
  const rows = [...new Set(tags)].map((tag) => ({ teamId, subjectId, tag }))
  if (rows.length > 0) await trx.insertInto('tags').values(rows).execute()
}
