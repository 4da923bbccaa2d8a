import { join } from 'node:path'
import type { Workspace, WorkspaceSource } from '@nabla/api/workspace'
import type { VolumeRow } from '../db/tables.ts'
import { inTransaction, type Trx } from '../db/transaction.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { limits } from '../lib/limits.ts'
import { compareTrees } from '../trees/compare.ts'
import { unpack } from '../volumes/archive.ts'
import { type Files, filesIn } from '../volumes/files.ts'
import { checkGitUrl } from '../volumes/git.ts'
import { secretContext, type VolumeOrigin } from '../volumes/origin.ts'
import { removeTree } from '../volumes/remove-tree.ts'
import { sendArchive, sendFile } from './files.ts'
import { findJob, type JobWithNames } from './job/view.ts'
import type { Handlers } from './kind.ts'

const purpose = 'workspace'

export type StoredWorkspace = Pick<VolumeRow, 'id'>

export const workspaceHandlers: Handlers<'workspace'> = {
  async upload({ caller, query, upload, signal }, deps) {
    if (deps.ballast.isReleased) throw new AppError('disk_full')
    // In a folder of its own: unpacking keeps what is not complete yet beside its target.
    const staging = join(deps.volumes.stagingDir(), newId('volume'))
    const dir = join(staging, 'files')
    const sent = query.sha256 ? { expectedSha256: query.sha256 } : {}
    try {
      await unpack(upload, dir, { signal, passing: true, ...sent })
      const ingested = await deps.trees.ingest(caller.teamId, dir, signal)
      // The first job need not wait until these very files are made once more.
      await deps.trees.adopt(ingested, dir)
      return await workspaceOfTree(deps, caller.teamId, ingested.tree.digest)
    } finally {
      await removeTree(staging)
    }
  },

  async fromTree({ caller, body }, deps) {
    if (deps.ballast.isReleased) throw new AppError('disk_full')
    return workspaceOfTree(deps, caller.teamId, body.digest)
  },

  async list({ caller, params, query, signal }, deps) {
    const files = await filesOf(deps, await findJob(deps, caller, params.job))
    if (!files) return { items: [], next: null }
    const { path, recursive, limit, after, glob } = query
    return files.list(path, {
      recursive: recursive || glob !== undefined,
      limit,
      signal,
      ...(after === undefined ? {} : { after }),
      ...(glob === undefined ? {} : { glob: [glob] }),
    })
  },

  async get({ caller, params, query, headers, signal }, deps) {
    const files = await filesOf(deps, await findJob(deps, caller, params.job))
    if (!files) throw new AppError('file_not_found', { path: query.path })
    return sendFile(files, query.path, { headers, signal, now: deps.clock.now() })
  },

  async compare({ caller, params, query, signal }, deps) {
    const newer = await findJob(deps, caller, params.job)
    const older = await findJob(deps, caller, query.fromJob)
    const before = await treeOf(deps, older, signal)
    return compareTrees(deps, before, await treeOf(deps, newer, signal), query.limit, signal)
  },

  async archive({ caller, params, query, signal }, deps) {
    const job = await findJob(deps, caller, params.job)
    const files = await filesOf(deps, job)
    if (!files) throw new AppError('file_not_found', { path: [query.path ?? ''].flat().join(', ') || job.name })
    return sendArchive(files, query, `${job.name}-workspace`, signal)
  },
}

/** The files that a job began with; null if it began with none. Those of a repository are not there before it starts. */
async function filesOf(deps: Deps, job: JobWithNames): Promise<Files | null> {
  const row = await volumeOf(deps, job)
  if (row === null) return null
  return row.treeDigest === null ? filesIn(deps.volumes.volumeDir(row.id)) : deps.trees.open(row.teamId, row.treeDigest)
}

/** The digest of their tree; of what came from a repository, one is made, which goes when nobody asks for a while. */
async function treeOf(deps: Deps, job: JobWithNames, signal: AbortSignal): Promise<string | null> {
  const row = await volumeOf(deps, job)
  if (row === null || row.treeDigest !== null) return row?.treeDigest ?? null
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  const { tree } = await deps.trees.ingest(row.teamId, deps.volumes.volumeDir(row.id), signal)
  return tree.digest
}

async function volumeOf(deps: Deps, job: JobWithNames): Promise<VolumeRow | null> {
  if (job.workspaceId === null) return null
  const row = await deps.db.selectFrom('volumes').selectAll().where('id', '=', job.workspaceId).executeTakeFirst()
  if (!row) throw new AppError('not_found', { noun: 'workspace', id: job.workspaceId })
  if (row.treeDigest === null && row.origin !== null && row.digest === null) {
    throw new AppError('conflict', { detail: `The repository of job ${job.name} has not been fetched yet.` })
  }
  return row
}

/** The workspace of a tree of the team: the one there is, or a new one. Throws `not_found` for what is no such tree. */
export async function workspaceOfTree(deps: Deps, teamId: string, digest: string): Promise<Workspace> {
  const now = deps.clock.now()
  const row = await inTransaction(deps.db, async (trx) => {
    const same = await trx
      .selectFrom('volumes')
      .selectAll()
      .where('treeDigest', '=', digest)
      .where('teamId', '=', teamId)
      .where('purpose', '=', purpose)
      .where('deletedAt', 'is', null)
      .limit(1)
      .executeTakeFirst()
    // Young enough for the job that is about to be submitted: a write would cost a sync of the disk.
    if (same && same.createdAt > toIso(now - limits.workspaceTouchMs)) return same
    return same ? touched(trx, same, now) : inserted(trx, teamId, digest, now)
  })
  return toWorkspace(row)
}

async function touched(trx: Trx, row: VolumeRow, now: number): Promise<VolumeRow> {
  const young = { ...row, createdAt: toIso(now) }
  const { numUpdatedRows } = await trx
    .updateTable('volumes')
    .set({ createdAt: young.createdAt })
    .where('id', '=', row.id)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) await trx.insertInto('volumes').values(young).execute()
  return young
}

async function inserted(trx: Trx, teamId: string, digest: string, now: number): Promise<VolumeRow> {
  const tree = await trx
    .updateTable('trees')
    .set({ usedAt: toIso(now) })
    .where('teamId', '=', teamId)
    .where('digest', '=', digest)
    .returning(['files', 'sizeBytes'])
    .executeTakeFirst()
  if (!tree) throw new AppError('not_found', { noun: 'tree', id: digest })
  const row: VolumeRow = {
    id: newId('volume'),
    teamId,
    purpose,
    ownerId: null,
    origin: null,
    digest,
    treeDigest: digest,
    files: tree.files,
    sizeBytes: tree.sizeBytes,
    createdAt: toIso(now),
    deletedAt: null,
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

/** Takes workspaces that nothing refers to any more out of the database; their files are the caller's to delete. */
export async function collectWorkspaces(deps: Deps): Promise<string[]> {
  const before = toIso(deps.clock.now() - limits.unusedWorkspaceMs)
  const rows = await deps.db
    .deleteFrom('volumes')
    .where('purpose', '=', purpose)
    .where('createdAt', '<', before)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('jobs').select('jobs.id').whereRef('jobs.workspaceId', '=', 'volumes.id'))),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('experiments').select('experiments.id').whereRef('experiments.workspaceId', '=', 'volumes.id'),
        ),
      ),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('deploymentRevisions')
            .select('deploymentRevisions.number')
            .whereRef('deploymentRevisions.workspaceId', '=', 'volumes.id'),
        ),
      ),
    )
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('notebooks').select('notebooks.id').whereRef('notebooks.seedId', '=', 'volumes.id'))),
    )
    .returning('id')
    .execute()
  return rows.map((row) => row.id)
}

function toWorkspace(row: VolumeRow): Workspace {
  const { id, digest, files, sizeBytes, createdAt } = row
  return { id, digest: digest ?? '', files, sizeBytes, createdAt }
}
