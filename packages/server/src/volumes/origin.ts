import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Deps } from '../deps.ts'
import type { VolumeRow } from '../db/tables.ts'
import { AppError } from '../lib/app-error.ts'
import { fetchGit } from './git.ts'

/** Where the files of a volume are fetched from the first time it is needed, and what came. */
export interface VolumeOrigin {
  url: string
  ref: string | null
  username: string | null
  /** Sealed with `secretContext`; or `secret:NAME`, looked up when it is needed. */
  password: string | null
  /** The commit that was checked out; null until then. */
  commit: string | null
}

/** Short texts that are the files of a volume, by names that the server chose. */
export interface TextOrigin {
  texts: Record<string, string>
}

/** What the password of an origin is sealed for. */
export const secretContext = (volumeId: string): string => `origin of ${volumeId}`

/** Longest that a repository may take to arrive. */
const fetchTimeoutMs = 15 * 60_000

/**
 * Fetches the files of a volume that are not there yet; does nothing for one that has them. Safe to repeat after a
 * crash. Throws AppError with what git said.
 *
 * @param secret looks up a secret by name
 */
export async function fillVolume(
  deps: Deps,
  row: VolumeRow,
  secret: (name: string) => Promise<string>,
  signal: AbortSignal,
): Promise<void> {
  if (row.origin === null) return
  const origin = JSON.parse(row.origin) as VolumeOrigin | TextOrigin
  if ('texts' in origin) return writeTexts(deps, row, origin)
  if (row.digest !== null) return
  const password = await openPassword(deps, row.id, origin, secret)
  const fetched = await fetchGit({
    url: origin.url,
    ...(origin.ref === null ? {} : { ref: origin.ref }),
    ...(origin.username === null ? {} : { username: origin.username }),
    ...(password === null ? {} : { password }),
    targetDir: deps.volumes.volumeDir(row.id),
    timeoutMs: fetchTimeoutMs,
    env: networkEnvironment(deps.config.hostEnv),
    signal,
  })
  const filled: VolumeOrigin = { ...origin, commit: fetched.commit, password: null }
  await deps.db
    .updateTable('volumes')
    .set({ origin: JSON.stringify(filled), digest: fetched.digest, files: fetched.files, sizeBytes: fetched.bytes })
    .where('id', '=', row.id)
    .execute()
}

/** Written each time: they are short, and that way they are there whatever became of the disk. */
async function writeTexts(deps: Deps, { id }: VolumeRow, { texts }: TextOrigin): Promise<void> {
  const folder = deps.volumes.volumeDir(id)
  await mkdir(folder, { recursive: true, mode: 0o755 })
  for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, name), text, { mode: 0o644 })
}

/** What git needs of the server's environment to be found and to reach the network from here. */
function networkEnvironment(hostEnv: Record<string, string | undefined>): Record<string, string> {
  const wanted = /^(PATH|(https?|no|all)_proxy|SSL_CERT_FILE|SSL_CERT_DIR|GIT_SSL_CAINFO)$/i
  const entries = Object.entries(hostEnv).filter(([name, value]) => value !== undefined && wanted.test(name))
  return Object.fromEntries(entries) as Record<string, string>
}

async function openPassword(
  deps: Deps,
  volumeId: string,
  origin: VolumeOrigin,
  secret: (name: string) => Promise<string>,
): Promise<string | null> {
  if (origin.password === null) return null
  if (origin.password.startsWith('secret:')) return secret(origin.password.slice('secret:'.length))
  try {
    return deps.box.open(origin.password, secretContext(volumeId))
  } catch {
    throw new AppError('invalid', { detail: 'The stored git password can no longer be read; submit the job again.' })
  }
}
