import { join } from 'node:path'
import type { Tree } from '@nabla/api/tree'
import type { TreeRoot } from '@nabla/api/tree-format'
import { decodeRoot } from '@nabla/api/tree-root'
import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { ChunkStore } from './chunk-store.ts'
import { contentsOf, entriesOf } from './contents.ts'
import { type FileTree, makeFileTree } from './file-tree.ts'
import { treesInUse } from './in-use.ts'
import { ingest, type IngestOptions, type Ingested } from './ingest.ts'
import { mergeTrees } from './merge.ts'
import { SegmentCache } from './segment-cache.ts'
import { TreeCache } from './tree-cache.ts'
import { TreeIndex } from './tree-index.ts'
import { holdsTree } from './tree-print.ts'
import { entryBytes, writeTree } from './tree-writer.ts'

/** Trees of files by content, as a whole: made of folders, looked into, and made into folders that tasks start from. */
export interface TreeStore {
  /** See `ingest`. */
  ingest(teamId: string, dir: string, signal: AbortSignal, options?: IngestOptions): Promise<Ingested>
  /** See `mergeTrees`. Both trees are the team's. */
  merge(teamId: string, base: string, over: string, signal: AbortSignal): Promise<Tree>
  /** Opens a tree of the team to look into. Throws `not_found`. */
  open(teamId: string, digest: string): Promise<FileTree>
  /**
   * A folder with the files of a tree, for tasks to mount; nobody may write to it. It stays as long as a task that is
   * placed and not removed mounts a volume with this tree. Throws `damaged_chunk` naming the file, and `disk_full`.
   */
  materialise(digest: string, signal: AbortSignal): Promise<string>
  /**
   * Takes a folder that a tree was just made of and that nobody writes to, so that it need not be made for the first
   * task. It is left where it is if it is not needed.
   */
  adopt(ingested: Ingested, dir: string): Promise<void>
  /** What is kept ready to be mounted. */
  figures(): { trees: number; entries: number; diskBytes: number }
  /** Clears away what a crash left behind; before anything else. */
  sweep(): Promise<void>
  close(): Promise<void>
}

export interface TreeStoreOptions {
  db: Kysely<Tables>
  chunks: ChunkStore
  clock: Clock
  dataDir: string
  /** What is kept ready to be mounted, beside what is in use. */
  cacheBytes: number
  onError: (error: unknown) => void
  /** Hears of a tree, kept ready to be mounted, whose files somebody has changed: they are made again. */
  onChanged: (digest: string) => void
}

export function openTreeStore(options: TreeStoreOptions): TreeStore {
  const { db, chunks, clock, onError, onChanged } = options
  const segments = new SegmentCache(chunks)
  const cache = new TreeCache({
    dir: join(options.dataDir, 'cache', 'trees'),
    mostBytes: options.cacheBytes,
    clock,
    inUse: () => treesInUse(db),
    onError,
    onChanged,
  })
  const indexes = new Map<string, TreeIndex>()
  const indexOf = async (digest: string): Promise<TreeIndex> => {
    const index =
      indexes.get(digest) ?? new TreeIndex(decodeRoot(await chunks.read(digest, { of: 'a tree' })), segments)
    indexes.delete(digest)
    indexes.set(digest, index)
    const oldest = indexes.keys().next()
    if (indexes.size > limits.openTrees && !oldest.done) indexes.delete(oldest.value)
    return index
  }
  return {
    ingest: (teamId, dir, signal, options) => ingest(chunks, teamId, dir, signal, options),
    merge: async (teamId, base, over, signal) =>
      mergeTrees(chunks, teamId, { base: await indexOf(base), over: await indexOf(over) }, signal),
    async open(teamId, digest) {
      const row = await db
        .selectFrom('trees')
        .select('createdAt')
        .where('teamId', '=', teamId)
        .where('digest', '=', digest)
        .executeTakeFirst()
      if (!row) throw new AppError('not_found', { noun: 'tree', id: digest })
      return makeFileTree({ digest, modifiedAt: row.createdAt }, await indexOf(digest), chunks)
    },
    materialise: (digest, signal) =>
      cache.get(
        digest,
        {
          make: (folder, signal) => write(chunks, digest, folder, signal),
          isIn: async (folder) => holdsTree(folder, entriesOf(chunks, await rootOf(chunks, digest, signal), signal)),
        },
        signal,
      ),
    async adopt({ tree, entries, leftOutCount }, dir) {
      if (leftOutCount > 0) return
      await cache.adopt(tree.digest, dir, { entries, diskBytes: tree.sizeBytes + entries * entryBytes })
    },
    figures: () => cache.figures(),
    sweep: () => cache.sweep(),
    close: () => cache.close(),
  }
}

/** Reads the tree from end to end, past the cache: the segments that others look into stay where they are. */
async function write(chunks: ChunkStore, digest: string, folder: string, signal: AbortSignal) {
  const root = await rootOf(chunks, digest, signal)
  const isLarge = root.segments.length > 1 || root.sizeBytes > limits.writeBatchBytes
  return writeTree(folder, contentsOf(chunks, entriesOf(chunks, root, signal), { signal, lent: true }), isLarge)
}

async function rootOf(chunks: ChunkStore, digest: string, signal: AbortSignal): Promise<TreeRoot> {
  return decodeRoot(await chunks.read(digest, { of: 'a tree', signal }))
}
