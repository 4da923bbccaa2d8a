import type { StorageUsage } from '@nabla/api/storage'
import type { Trx } from '../db/transaction.ts'
import { inTransaction } from '../db/transaction.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { freeBytes } from '../volumes/ballast.ts'
import { list, remove, write } from '../volumes/folder.ts'
import { sizeText } from '../volumes/meter.ts'
import { usage } from '../volumes/usage.ts'
import { sendArchive, sendFile } from './files.ts'
import type { Caller, Handlers } from './kind.ts'

const purpose = 'storage'

export const storageHandlers: Handlers<'storage'> = {
  async list({ caller, query, signal }, deps) {
    const { path, recursive, limit, after } = query
    return list(await storageOf(deps, caller), path, {
      recursive,
      limit,
      signal,
      ...(after === undefined ? {} : { after }),
    })
  },

  get: async ({ caller, query, headers }, deps) => sendFile(await storageOf(deps, caller), query.path, headers),

  archive: async ({ caller, query, signal }, deps) =>
    sendArchive(await storageOf(deps, caller), query, 'storage', signal),

  async put({ caller, query, upload, signal }, deps) {
    if (deps.ballast.isReleased) throw new AppError('disk_full')
    const root = await storageOf(deps, caller)
    const admit = await admission(deps, caller, root, signal)
    admit(0)
    const expected = query.sha256 ? { expectedSha256: query.sha256 } : {}
    const written = await write(root, query.path, upload, { admit, ...expected })
    return { path: query.path, ...written }
  },

  async delete({ caller, query }, deps) {
    await remove(await storageOf(deps, caller), query.path, { recursive: query.recursive })
    return { deleted: true }
  },

  usage: ({ caller, signal }, deps) => measure(deps, caller, signal),
}

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

async function storageOf(deps: Deps, caller: Caller): Promise<string> {
  const id = await inTransaction(deps.db, (trx) => storageVolume(trx, caller.teamId, deps.clock.now()))
  await deps.volumes.createVolume(id)
  return deps.volumes.volumeDir(id)
}

/** What throws once an upload would exceed the quota. Only a storage that has one is measured for it. */
async function admission(deps: Deps, caller: Caller, root: string, signal: AbortSignal) {
  const quotaBytes = await quotaOf(deps, caller)
  if (quotaBytes === null) return () => {}
  const { bytes: usedBytes } = await usage(root, signal)
  return (sizeBytes: number) => {
    if (usedBytes + sizeBytes <= quotaBytes) return
    throw new AppError('quota_exceeded', { used: sizeText(usedBytes), quota: sizeText(quotaBytes) })
  }
}

async function quotaOf(deps: Deps, caller: Caller): Promise<number | null> {
  const team = await deps.db
    .selectFrom('teams')
    .select('storageQuotaBytes')
    .where('id', '=', caller.teamId)
    .executeTakeFirstOrThrow()
  return team.storageQuotaBytes
}

async function measure(deps: Deps, caller: Caller, signal: AbortSignal): Promise<StorageUsage> {
  const root = await storageOf(deps, caller)
  const [used, free, quotaBytes] = await Promise.all([usage(root, signal), freeBytes(root), quotaOf(deps, caller)])
  const left = quotaBytes === null ? free : Math.max(0, Math.min(free, quotaBytes - used.bytes))
  return { region: 'local', usedBytes: used.bytes, files: used.files, quotaBytes, freeBytes: left }
}
