import type { Clock } from '../lib/clock.ts'
import type { ObjectStore } from '../stores/store.ts'
import { BlobReader } from './blobs.ts'
import { claiming } from './claim.ts'
import { blobKey, fileEntry, type Manifest, manifestPrefix, packEntry, packKeyOf } from './format.ts'
import { readManifest } from './manifest.ts'

export interface PruneReport {
  /** Backups that were deleted, and those that are left. */
  backups: number
  keptBackups: number
  objects: number
  freedBytes: number
}

export interface PruneOptions {
  target: ObjectStore
  clock: Clock
  signal: AbortSignal
}

/**
 * Deletes all but the newest `keep` backups of a place, then every blob and pack that none of those needs, also what
 * backups that were broken off left behind. All that is kept is read first: when a list in it is damaged, nothing is
 * deleted. May be broken off and repeated at any point. Throws AppError `busy` while a backup is made there,
 * `backup_damaged`, `backup_unusable`.
 */
export async function prune(options: PruneOptions, keep: number): Promise<PruneReport> {
  return claiming(options, 'prune', () => pruneAlone(options, keep))
}

async function pruneAlone({ target, signal }: PruneOptions, keep: number): Promise<PruneReport> {
  const manifests: string[] = []
  for await (const { key } of target.list(manifestPrefix, signal)) manifests.push(key)
  manifests.sort()
  const old = manifests.slice(0, Math.max(0, manifests.length - keep))
  const kept = manifests.slice(old.length)
  const needed = new Set<string>()
  for (const key of kept) {
    for await (const object of neededBy(await readManifest(target, key, signal), new BlobReader(target, signal))) {
      needed.add(object)
    }
  }
  const report: PruneReport = { backups: old.length, keptBackups: kept.length, objects: 0, freedBytes: 0 }
  // First the manifests: a backup is whole, or it is none.
  for (const key of old) await target.remove(key)
  for (const prefix of ['blobs/', 'packs/']) {
    for await (const { key, sizeBytes } of target.list(prefix, signal)) {
      signal.throwIfAborted()
      if (needed.has(key)) continue
      await target.remove(key)
      report.objects++
      report.freedBytes += sizeBytes
    }
  }
  return report
}

/** Keys of all objects of a backup but its manifest, some more than once. */
async function* neededBy({ rows, files, packs }: Manifest, reader: BlobReader): AsyncGenerator<string> {
  for (const { parts } of [rows, files, packs]) for (const [hash] of parts) yield blobKey(hash)
  for await (const line of reader.lines(files.parts)) {
    for (const [hash] of fileEntry.parse(line).parts ?? []) yield blobKey(hash)
  }
  for await (const line of reader.lines(packs.parts)) {
    const [id, hash] = packEntry.parse(line)
    yield packKeyOf(id, hash)
  }
}
