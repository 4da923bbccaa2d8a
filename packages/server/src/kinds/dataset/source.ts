import type { DatasetSource } from '@nabla/api/dataset'
import { jobStates } from '@nabla/api/job'
import type { DatasetVersionRow } from '../../db/tables.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { stat } from '../../volumes/folder.ts'
import { checkUrl } from '../../volumes/fetch-url.ts'
import { artifactsOf } from '../artifact.ts'
import { findJob } from '../job/view.ts'
import type { Caller } from '../kind.ts'
import { resolveSecrets } from '../secret.ts'
import { storageOf } from '../storage/volume.ts'

/** Where the files of a version come from, as it was checked. */
export interface CheckedSource {
  source: DatasetSource
  /** For people: without login and query. */
  text: string
  /** The volume that files are taken from; it must stay until they are. */
  volumeId: string | null
}

/**
 * Checks, as far as can be told at once, that files can be taken from a source. Throws AppError that says why not.
 */
export async function checkSource(deps: Deps, caller: Caller, source: DatasetSource): Promise<CheckedSource> {
  switch (source.from) {
    case 'tree':
      return { source, text: 'files that were sent', volumeId: null }
    case 'storage': {
      const { root, volume } = await storageOf(deps, caller)
      await stat(root, source.path)
      return { source, text: `storage:${source.path}`, volumeId: volume }
    }
    case 'job': {
      const { id, name, state } = await findJob(deps, caller, source.job)
      if (!jobStates[state as keyof typeof jobStates].ended) {
        throw new AppError('conflict', { detail: `Job ${name} has not ended: what it leaves may still change.` })
      }
      const { root, id: volumeId } = await artifactsOf(deps, caller, id)
      await stat(root, source.path)
      return { source: { ...source, job: id }, text: `job:${name}/${source.path}`, volumeId }
    }
    case 'url': {
      const text = checkUrl(source)
      for (const name of secretsOf(source)) {
        const found = await resolveSecrets(deps.db, deps.box, caller.teamId, '', [name])
        if (!found.has(name)) throw new AppError('unknown_secret', { name })
      }
      return { source, text, volumeId: null }
    }
    default:
      return source satisfies never
  }
}

/** A source as it is kept: sealed, since it may hold a password. */
export const sealSource = ({ box }: Pick<Deps, 'box'>, versionId: string, source: DatasetSource): string =>
  box.seal(JSON.stringify(source), contextOf(versionId))

/** The other way round, with secrets in place of their names. Throws `secret_unreadable` and `unknown_secret`. */
export async function openSource(
  { db, box }: Pick<Deps, 'db' | 'box'>,
  { id, teamId, sealedSource }: DatasetVersionRow,
): Promise<DatasetSource> {
  const source = JSON.parse(box.open(sealedSource ?? '', contextOf(id))) as DatasetSource
  if (source.from !== 'url') return source
  const secrets = await resolveSecrets(db, box, teamId, '', secretsOf(source))
  const opened = { ...source }
  for (const field of ['username', 'password'] as const) {
    const value = source[field]
    if (!value?.startsWith(prefix)) continue
    const name = value.slice(prefix.length)
    const secret = secrets.get(name)
    if (secret === undefined) throw new AppError('unknown_secret', { name })
    opened[field] = secret
  }
  return opened
}

const contextOf = (versionId: string): string => `source of ${versionId}`

const prefix = 'secret:'

function secretsOf({ username, password }: { username?: string | undefined; password?: string | undefined }): string[] {
  return [username, password].flatMap((value) => (value?.startsWith(prefix) ? [value.slice(prefix.length)] : []))
}
