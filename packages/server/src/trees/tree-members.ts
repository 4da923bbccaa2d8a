import { type TreeEntry, fileSize } from '@nabla/api/tree-format'
import { AppError } from '../lib/app-error.ts'
import { fromIso } from '../lib/clock.ts'
import { type MemberStats, outermost, type PackedMember, type PackOptions } from '../volumes/members.ts'
import { contentsOf, type Piece } from './contents.ts'
import type { ChunkReader } from './segment-cache.ts'
import type { TreeIndex } from './tree-index.ts'
import { inside, locate } from './tree-path.ts'

/** What an archive of a tree, or of a part of it, holds: as `volumes/members.ts` for a folder. */
export async function* membersOfTree(
  index: TreeIndex,
  reader: ChunkReader,
  modifiedAt: string,
  options: PackOptions,
): AsyncGenerator<PackedMember> {
  const mtimeMs = fromIso(modifiedAt)
  const pieces = contentsOf(reader, chosen(index, options), { signal: options.signal })
  const source: Source = { pieces, next: await pieces.next() }
  try {
    while (!source.next.done) {
      const { entry } = source.next.value
      const { path } = entry
      source.next = await pieces.next()
      if (entry.type === 'file') yield { type: 'file', path, stats: statsOf(entry, mtimeMs), content: content(source) }
      else if (entry.type === 'folder') yield { type: 'folder', path, stats: statsOf(entry, mtimeMs) }
      else yield { type: 'link', path, stats: statsOf(entry, mtimeMs), target: entry.target }
      for await (const unread of content(source)) void unread
    }
  } finally {
    await pieces.return(undefined)
  }
}

interface Source {
  pieces: AsyncGenerator<Piece>
  next: IteratorResult<Piece, void>
}

/** The bytes that come before the next entry. */
async function* content(source: Source): AsyncGenerator<Buffer> {
  while (!source.next.done && 'bytes' in source.next.value) {
    const { bytes } = source.next.value
    source.next = await source.pieces.next()
    yield bytes
  }
}

/** Entries at the paths that are asked for and below them, without those that do not match. */
async function* chosen(index: TreeIndex, options: PackOptions): AsyncGenerator<TreeEntry> {
  const { matches } = options
  for await (const entry of entriesAt(index, options)) {
    options.signal?.throwIfAborted()
    if (!matches || (entry.type === 'file' && matches(entry.path))) yield entry
  }
}

async function* entriesAt(index: TreeIndex, { paths = [''], missingIsFine }: PackOptions): AsyncGenerator<TreeEntry> {
  for (const path of outermost(paths)) {
    const found = await locate(index, path, path, false).catch((error: unknown) => {
      if (missingIsFine && error instanceof AppError && error.code === 'file_not_found') return undefined
      throw error
    })
    if (!found) continue
    if (path !== '') yield { ...found.entry, path }
    if (found.entry.type !== 'folder') continue
    const cursor = index.cursor(inside(found.path))
    for (let entry = await cursor.next(); entry?.path.startsWith(inside(found.path)); entry = await cursor.next()) {
      yield { ...entry, path: inside(path) + entry.path.slice(inside(found.path).length) }
    }
  }
}

function statsOf(entry: TreeEntry, mtimeMs: number): MemberStats {
  const size = entry.type === 'file' ? fileSize(entry.chunks) : 0
  const mode = entry.type === 'folder' || (entry.type === 'file' && entry.executable) ? 0o755 : 0o644
  return { size, mode, mtimeMs }
}
