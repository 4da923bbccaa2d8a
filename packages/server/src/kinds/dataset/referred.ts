import type { Trx } from '../../db/transaction.ts'

/** The volumes, of those given, that a version is being made of. */
export async function volumesBeingRead(trx: Trx, volumeIds: readonly string[]): Promise<string[]> {
  const rows = await trx
    .selectFrom('datasetVersions')
    .select('sourceVolumeId')
    .where('state', '=', 'preparing')
    .where('sourceVolumeId', 'in', volumeIds)
    .execute()
  return rows.flatMap(({ sourceVolumeId }) => sourceVolumeId ?? [])
}
