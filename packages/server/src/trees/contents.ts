import { decodeSegment, type TreeEntry, type TreeRoot } from '@nabla/api/tree-format'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import type { ReadOptions } from './chunk-store.ts'
import type { ChunkReader } from './segment-cache.ts'

/** An entry, or (after that of its file) the next bytes of it. */
export type Piece = { entry: TreeEntry } | { entry: TreeEntry; bytes: Buffer }

/** All entries of a tree, in order. */
export async function* entriesOf(reader: ChunkReader, root: TreeRoot, signal?: AbortSignal): AsyncGenerator<TreeEntry> {
  const hashes = root.segments.map(([hash]) => hash)
  for await (const segment of reader.readMany(hashes, { signal, of: 'a tree' })) yield* decodeSegment(segment)
}

/**
 * Entries with what is in their files, in order. Chunks are asked for many at a time, so that those that lie beside each
 * other are read together. `lent` is that of `ReadOptions`. Throws `damaged_chunk` that names the file.
 */
export async function* contentsOf(
  reader: ChunkReader,
  entries: AsyncIterable<TreeEntry>,
  options: Pick<ReadOptions, 'signal' | 'lent'> = {},
): AsyncGenerator<Piece> {
  let window: TreeEntry[] = []
  let chunks = 0
  for await (const entry of entries) {
    window.push(entry)
    chunks += entry.type === 'file' ? entry.chunks.length : 0
    if (window.length < limits.readAheadEntries && chunks < limits.readAheadEntries) continue
    yield* windowOf(reader, window, options)
    window = []
    chunks = 0
  }
  yield* windowOf(reader, window, options)
}

async function* windowOf(reader: ChunkReader, window: readonly TreeEntry[], options: ReadOptions) {
  const hashes = window.flatMap((entry) => (entry.type === 'file' ? entry.chunks.map(([hash]) => hash) : []))
  const chunks = reader.readMany(hashes, options)[Symbol.asyncIterator]()
  try {
    for (const entry of window) {
      yield { entry }
      if (entry.type !== 'file') continue
      for (const [hash] of entry.chunks) {
        const next = await named(window, chunks.next())
        if (next.done) throw new Error(`chunk ${hash} was not read`)
        yield { entry, bytes: next.value }
      }
    }
  } finally {
    await chunks.return?.()
  }
}

/** A chunk does not know which file it is of, and it may be one that was read ahead. */
async function named<T>(window: readonly TreeEntry[], work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'damaged_chunk') throw error
    const hash = error.params['hash']
    const owner = window.find((entry) => entry.type === 'file' && entry.chunks.some((chunk) => chunk[0] === hash))
    throw new AppError('damaged_chunk', { ...error.params, ...(owner && { path: owner.path }) })
  }
}
