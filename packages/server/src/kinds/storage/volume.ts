import type { Trx } from '../../db/transaction.ts'
import { inTransaction } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { storedText } from '../../volumes/meter.ts'
import { usage } from '../../volumes/usage.ts'
import type { Caller } from '../kind.ts'

const purpose = 'storage'

/** Id of the volume that is a team's storage, made if it is the first time that one asks. */
export async function storageVolume(trx: Trx, teamId: string, now: number): Promise<string> {
  await trx
    .insertInto('volumes')
    .values({
      id: newId('volume'),
      teamId,
      purpose,
      ownerId: teamId,
      origin: null,
      digest: null,
      treeDigest: null,
      files: 0,
      sizeBytes: 0,
      createdAt: toIso(now),
      deletedAt: null,
    })
    .onConflict((conflict) => conflict.columns(['purpose', 'ownerId']).doNothing())
    .execute()
  const row = await trx
    .selectFrom('volumes')
    .select('id')
    .where('purpose', '=', purpose)
    .where('ownerId', '=', teamId)
    .executeTakeFirstOrThrow()
  return row.id
}

export interface StorageWithQuota {
  teamId: string
  volumeId: string
  quotaBytes: number
}

/** The storages that may not grow beyond a quota. */
export async function storagesWithQuota(db: Deps['db']): Promise<StorageWithQuota[]> {
  const rows = await db
    .selectFrom('teams')
    .innerJoin('volumes', 'volumes.ownerId', 'teams.id')
    .select(['teams.id as teamId', 'volumes.id as volumeId', 'teams.storageQuotaBytes as quotaBytes'])
    .where('volumes.purpose', '=', purpose)
    .where('teams.storageQuotaBytes', 'is not', null)
    .execute()
  return rows.map(({ quotaBytes, ...row }) => ({ ...row, quotaBytes: quotaBytes ?? Infinity }))
}

/** The folder that is the storage of the caller's team, and the id of its volume. */
export async function storageOf(deps: Deps, caller: Caller): Promise<{ volume: string; root: string }> {
  const id = await inTransaction(deps.db, (trx) => storageVolume(trx, caller.teamId, deps.clock.now()))
  await deps.volumes.createVolume(id)
  return { volume: id, root: deps.volumes.volumeDir(id) }
}

/**
 * What throws once `sizeBytes` more would exceed the quota, counting what unfinished uploads are going to take. Only a
 * storage that has a quota is measured for it.
 *
 * @param except an upload that is not counted, since it is what is being added
 */
export async function admission(
  deps: Deps,
  caller: Caller,
  { volume, root }: { volume: string; root: string },
  options: { signal: AbortSignal; except?: string },
): Promise<(sizeBytes: number) => void> {
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  const quotaBytes = await quotaOf(deps, caller)
  if (quotaBytes === null) return () => {}
  const [{ bytes }, uploads] = await Promise.all([usage(root, options.signal), deps.uploads.list(volume)])
  const announced = uploads.filter(({ id }) => id !== options.except).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const usedBytes = bytes + announced
  const admit = (sizeBytes: number) => {
    if (usedBytes + sizeBytes <= quotaBytes) return
    throw new AppError('quota_exceeded', { used: storedText(usedBytes), quota: storedText(quotaBytes) })
  }
  admit(0)
  return admit
}

/** Null: as large as the disk. */
export async function quotaOf(deps: Deps, caller: Caller): Promise<number | null> {
  const team = await deps.db
    .selectFrom('teams')
    .select('storageQuotaBytes')
    .where('id', '=', caller.teamId)
    .executeTakeFirstOrThrow()
  return team.storageQuotaBytes
}
