import { latestTag } from '@nabla/api/dataset'
import type { DatasetVersionRow } from '../../db/tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { AppError } from '../../lib/app-error.ts'

/** Gives tags to a version, and takes them from those that had them. */
export async function moveTags(trx: Trx, version: DatasetVersionRow, tags: readonly string[]): Promise<void> {
  const { id: versionId, datasetId } = version
  const rows = [...new Set(tags)].map((tag) => ({ datasetId, tag, versionId }))
  if (rows.length === 0) return
  await trx
    .insertInto('datasetTags')
    .values(rows)
    .onConflict((c) => c.columns(['datasetId', 'tag']).doUpdateSet({ versionId }))
    .execute()
}

/** Throws AppError `invalid` for the tag that nobody sets. */
export function refuseLatest(tags: readonly string[]): void {
  if (!tags.includes(latestTag)) return
  throw new AppError('invalid', { detail: '`latest` is always the newest version that is ready: it cannot be set.' })
}
