import type { NotebookRow, NotebookVersionRow } from '../../db/notebook-tables.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { type Files, filesIn } from '../../volumes/files.ts'

type FileDeps = Pick<Deps, 'db' | 'trees' | 'volumes'>

/**
 * The files of a notebook as they are now, or those of a version. Throws AppError `not_found` when there is no such
 * version, and `conflict` when it is not there yet.
 */
export async function filesOf(deps: FileDeps, row: NotebookRow, version: string | undefined): Promise<Files> {
  if (version !== undefined) {
    const found = await findVersion(deps, row, Number(version))
    return deps.trees.open(row.teamId, found.digest)
  }
  if (row.seededAt === null && row.seedId !== null) return seedOf(deps, row, row.seedId)
  await deps.volumes.createVolume(row.filesId)
  return filesIn(deps.volumes.volumeDir(row.filesId))
}

export type SavedVersion = NotebookVersionRow & { digest: string }

/** A version of a notebook that has been saved. */
export async function findVersion({ db }: Pick<Deps, 'db'>, row: NotebookRow, number: number): Promise<SavedVersion> {
  const noun = 'version'
  const id = `${row.name}:${number}`
  if (!isNumber(number)) throw new AppError('not_found', { noun, id })
  const found = await db
    .selectFrom('notebookVersions')
    .selectAll()
    .where('notebookId', '=', row.id)
    .where('number', '=', number)
    .executeTakeFirst()
  if (!found) throw new AppError('not_found', { noun, id })
  const { digest } = found
  if (digest !== null) return { ...found, digest }
  const detail = `Version ${number} of the notebook ${row.name} is ${found.state === 'saving' ? 'still being saved' : 'not there: it could not be saved'}.`
  throw new AppError('conflict', { detail })
}

/** Whether it can be the number of a version: what is larger has no place in its column. */
export const isNumber = (value: number): boolean => Number.isSafeInteger(value) && value >= 1 && value < 2 ** 31

/** The newest version that has been saved; undefined: there is none. */
export async function newestVersion(
  { db }: Pick<Deps, 'db'>,
  { id }: Pick<NotebookRow, 'id'>,
  before?: number,
): Promise<SavedVersion | undefined> {
  const found = await db
    .selectFrom('notebookVersions')
    .selectAll()
    .where('notebookId', '=', id)
    .where('state', '=', 'ready')
    .$if(before !== undefined, (query) => query.where('number', '<', before ?? 0))
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
  return found && { ...found, digest: found.digest! }
}

/** The files that its first session will begin with. */
async function seedOf(deps: FileDeps, row: NotebookRow, seedId: string): Promise<Files> {
  const volume = await deps.db.selectFrom('volumes').selectAll().where('id', '=', seedId).executeTakeFirst()
  if (!volume) throw new AppError('not_found', { noun: 'workspace', id: seedId })
  if (volume.treeDigest !== null) return deps.trees.open(row.teamId, volume.treeDigest)
  await deps.volumes.createVolume(row.filesId)
  // Those of a repository come with the first start.
  return filesIn(deps.volumes.volumeDir(volume.digest === null ? row.filesId : volume.id))
}
