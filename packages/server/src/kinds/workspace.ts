import type { Workspace, WorkspaceSource } from '@nabla/api/workspace'
import type { VolumeRow } from '../db/tables.ts'
import { inTransaction, type Trx } from '../db/transaction.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { limits } from '../lib/limits.ts'
import { unpack } from '../volumes/archive.ts'
import { checkGitUrl } from '../volumes/git.ts'
import { secretContext, type VolumeOrigin } from '../volumes/origin.ts'
import type { Handlers } from './kind.ts'

const purpose = 'workspace'

export type StoredWorkspace = Pick<VolumeRow, 'id'>

export const workspaceHandlers: Handlers<'workspace'> = {
  async upload({ caller, query, upload, signal }, deps) {
    if (deps.ballast.isReleased) throw new AppError('disk_full')
    const id = newId('volume')
    const dir = deps.volumes.volumeDir(id)
    const tree = await unpack(upload, dir, { signal, ...(query.sha256 ? { expectedSha256: query.sha256 } : {}) })
    const row: VolumeRow = {
      id,
      teamId: caller.teamId,
      purpose,
      ownerId: null,
      origin: null,
      digest: tree.digest,
      treeDigest: null,
      files: tree.files,
      sizeBytes: tree.bytes,
      createdAt: toIso(deps.clock.now()),
      deletedAt: null,
    }
    const kept = await inTransaction(deps.db, (trx) => keepOnce(trx, row))
    if (kept.id !== id) await deps.volumes.removeVolume(id)
    return toWorkspace(kept)
  },
}

/** Equal files are stored once for a team: answers with the row that has them, made young again, or the new one. */
async function keepOnce(trx: Trx, row: VolumeRow): Promise<VolumeRow> {
  const { teamId, digest, createdAt } = row
  const same = await trx
    .selectFrom('volumes')
    .select('id')
    .where('teamId', '=', teamId)
    .where('purpose', '=', purpose)
    .where('digest', '=', digest)
    .where('origin', 'is', null)
    .where('deletedAt', 'is', null)
    .limit(1)
    .executeTakeFirst()
  if (same) {
    const touched = await trx
      .updateTable('volumes')
      .set({ createdAt })
      .where('id', '=', same.id)
      .returningAll()
      .executeTakeFirst()
    if (touched) return touched
  }
  await trx.insertInto('volumes').values(row).execute()
  return row
}

/**
 * The stored workspace with this id. It is made young again in the same transaction, so that it is not collected
 * before the job that is being submitted refers to it.
 */
export async function storedWorkspace(trx: Trx, teamId: string, id: string, now: number): Promise<StoredWorkspace> {
  const row = await trx
    .updateTable('volumes')
    .set({ createdAt: toIso(now) })
    .where('id', '=', id)
    .where('teamId', '=', teamId)
    .where('purpose', '=', purpose)
    .where('deletedAt', 'is', null)
    .returning('id')
    .executeTakeFirst()
  if (!row) throw new AppError('not_found', { noun: 'workspace', id })
  return row
}

type GitSource = Extract<WorkspaceSource, { from: 'git' }>

/** A workspace whose files are fetched when its job starts. The password is kept sealed until then, and no longer. */
export async function gitWorkspace(
  deps: Pick<Deps, 'box'>,
  trx: Trx,
  teamId: string,
  source: GitSource,
  now: number,
): Promise<StoredWorkspace> {
  checkGitUrl(source.url, source.ref)
  const id = newId('volume')
  const password = source.password ?? null
  const origin: VolumeOrigin = {
    url: source.url,
    ref: source.ref ?? null,
    username: source.username ?? null,
    password:
      password === null || password.startsWith('secret:') ? password : deps.box.seal(password, secretContext(id)),
    commit: null,
  }
  await trx
    .insertInto('volumes')
    .values({
      id,
      teamId,
      purpose,
      ownerId: null,
      origin: JSON.stringify(origin),
      digest: null,
      treeDigest: null,
      files: 0,
      sizeBytes: 0,
      createdAt: toIso(now),
      deletedAt: null,
    })
    .execute()
  return { id }
}

/** Takes workspaces that no job refers to any more out of the database; their files are the caller's to delete. */
export async function collectWorkspaces(deps: Deps): Promise<string[]> {
  const before = toIso(deps.clock.now() - limits.unusedWorkspaceMs)
  const rows = await deps.db
    .deleteFrom('volumes')
    .where('purpose', '=', purpose)
    .where('createdAt', '<', before)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('jobs').select('jobs.id').whereRef('jobs.workspaceId', '=', 'volumes.id'))),
    )
    .returning('id')
    .execute()
  return rows.map((row) => row.id)
}

function toWorkspace(row: VolumeRow): Workspace {
  const { id, digest, files, sizeBytes, createdAt } = row
  return { id, digest: digest ?? '', files, sizeBytes, createdAt }
}
