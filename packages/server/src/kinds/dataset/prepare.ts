import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Tree } from '@nabla/api/tree'
import type { DatasetVersionRow } from '../../db/tables.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { makeOutboundRules } from '../../lib/outbound-rules.ts'
import { fetchUrl, type UrlSource } from '../../volumes/fetch-url.ts'
import { removeTree } from '../../volumes/remove-tree.ts'
import { openSource } from './source.ts'

/** How much of a version has come so far. */
export interface SoFar {
  files: number
  sizeBytes: number
}

/** What a version became. */
export interface Prepared {
  tree: Tree
  /** What it could not hold, in a sentence; null: it holds all. */
  leftOut: string | null
}

type Tell = (soFar: SoFar) => void

/**
 * Makes the tree of a version of what its source names, and puts it onto the version that it adds to. May be broken
 * off at any point and begun anew. Throws AppError that says why it cannot be made.
 */
export async function prepareVersion(
  deps: Deps,
  row: DatasetVersionRow,
  signal: AbortSignal,
  tell: Tell,
): Promise<Prepared> {
  const taken = await takeIn(deps, row, signal, tell)
  if (row.baseDigest === null) return taken
  return { ...taken, tree: await deps.trees.merge(row.teamId, row.baseDigest, taken.tree.digest, signal) }
}

async function takeIn(deps: Deps, row: DatasetVersionRow, signal: AbortSignal, tell: Tell): Promise<Prepared> {
  const source = await openSource(deps, row)
  switch (source.from) {
    case 'tree':
      return { tree: await deps.chunks.commit(row.teamId, source.digest, signal), leftOut: null }
    case 'storage':
    case 'job':
      return ingest(deps, row.teamId, await folderOf(deps, row), signal, { path: source.path, onEntry: tell })
    case 'url':
      return fetched(deps, row.teamId, source, signal, tell)
    default:
      return source satisfies never
  }
}

async function folderOf(deps: Deps, { sourceVolumeId, source }: DatasetVersionRow): Promise<string> {
  const volume = await deps.db
    .selectFrom('volumes')
    .select('id')
    .where('id', '=', sourceVolumeId ?? '')
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
  if (!volume) throw new AppError('file_not_found', { path: source })
  return deps.volumes.volumeDir(volume.id)
}

async function fetched(
  deps: Deps,
  teamId: string,
  source: UrlSource,
  signal: AbortSignal,
  tell: Tell,
): Promise<Prepared> {
  const { port, contentPort, fetchHosts } = deps.config
  const rules = makeOutboundRules({ hosts: fetchHosts, ownPorts: [port, contentPort ?? port + 1] })
  // Emptied at every start.
  const staging = await mkdtemp(join(deps.volumes.stagingDir(), 'fetch-'))
  try {
    const dir = join(staging, 'files')
    await fetchUrl(source, dir, { rules, clock: deps.clock, signal, onProgress: tell })
    return await ingest(deps, teamId, dir, signal, {})
  } finally {
    await removeTree(staging)
  }
}

async function ingest(
  deps: Deps,
  teamId: string,
  dir: string,
  signal: AbortSignal,
  options: { path?: string; onEntry?: Tell },
): Promise<Prepared> {
  const { tree, leftOut, leftOutCount } = await deps.trees.ingest(teamId, dir, signal, options)
  if (leftOutCount === 0) return { tree, leftOut: null }
  const [first] = leftOut
  const others = leftOutCount > 1 ? `, and ${leftOutCount - 1} more` : ''
  return { tree, leftOut: `Left out: ${first?.path ?? ''} (${first?.reason ?? ''})${others}.` }
}
