import type { FileEntry } from '@nabla/api/file'
import { type FileChunk, fileSize, fileTag, type TreeEntry } from '@nabla/api/tree-format'
import { createHash, hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { AppError } from '../lib/app-error.ts'
import { parseRelativePath } from '../lib/safe-path.ts'
import { resolveRange } from '../volumes/byte-range.ts'
import type { Files } from '../volumes/files.ts'
import type { FilePage, ListOptions } from '../volumes/folder.ts'
import { makeMatcher } from '../volumes/glob.ts'
import type { ChunkReader } from './segment-cache.ts'
import type { TreeIndex } from './tree-index.ts'
import { membersOfTree } from './tree-members.ts'
import { inside, locate } from './tree-path.ts'

/** The files of a tree as users see them: the same as `volumes/folder.ts` for a folder, and the same errors. */
export interface FileTree extends Files {
  digest: string
  files: number
  sizeBytes: number
  /** ISO 8601: of the tree, and so of each file in it; trees know no other times. */
  modifiedAt: string
}

export function makeFileTree(
  about: { digest: string; modifiedAt: string },
  index: TreeIndex,
  reader: ChunkReader,
): FileTree {
  const { files, sizeBytes } = index.root
  const { modifiedAt } = about
  return {
    ...about,
    files,
    sizeBytes,
    list: (relative, options) => list(index, modifiedAt, relative, options),
    async stat(relative) {
      const { entry } = await locate(index, parseRelativePath(relative), relative, false)
      return toFileEntry(entry, relative, modifiedAt)
    },
    async openRead(relative, options = {}) {
      const chunks = await chunksAt(index, relative)
      const etag = etagOf(chunks)
      if (options.ifMatch !== undefined && options.ifMatch !== etag)
        throw new AppError('file_changed', { path: relative })
      const range = options.ifRange === undefined || options.ifRange === etag ? options.range : undefined
      const size = fileSize(chunks)
      const { start, length } = resolveRange(range, size, relative)
      const stream = Readable.from(part(reader, relative, chunks, start, length), { objectMode: false })
      return { stream, sizeBytes: size, modifiedAt, etag, start, length }
    },
    async checksumOf(relative, { signal }) {
      const chunks = await chunksAt(index, relative)
      const [only] = chunks
      const sha256 = chunks.length === 1 && only ? only[0] : await hashAll(reader, relative, chunks, signal)
      return { path: relative, sizeBytes: fileSize(chunks), modifiedAt, etag: etagOf(chunks), sha256 }
    },
    members: (options) => membersOfTree(index, reader, modifiedAt, options),
  }
}

async function chunksAt(index: TreeIndex, relative: string): Promise<readonly FileChunk[]> {
  const { entry } = await locate(index, parseRelativePath(relative), relative, true)
  if (entry.type !== 'file') throw new AppError('bad_path', { path: relative, reason: 'it is a folder' })
  return entry.chunks
}

async function hashAll(
  reader: ChunkReader,
  of: string,
  chunks: readonly FileChunk[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const sha256 = createHash('sha256')
  const hashes = chunks.map(([hash]) => hash)
  for await (const bytes of reader.readMany(hashes, { signal, of })) sha256.update(bytes)
  return sha256.digest('hex')
}

async function list(
  index: TreeIndex,
  modifiedAt: string,
  relative: string,
  { recursive = false, limit, after, glob, signal }: ListOptions,
): Promise<FilePage> {
  const matches = glob && makeMatcher(glob)
  const folder = await locate(index, parseRelativePath(relative), relative, true)
  if (folder.entry.type !== 'folder') throw new AppError('bad_path', { path: relative, reason: 'it is not a folder' })
  // A folder that was reached through a link is shown by the name that was asked for.
  const [prefix, shown] = [inside(folder.path), inside(relative)]
  const begin = after?.startsWith(shown) ? prefix + behind(after.slice(shown.length)) : prefix
  const cursor = index.cursor(begin)
  const items: FileEntry[] = []
  let last: string | null = null
  for (let entry = await cursor.next(); entry?.path.startsWith(prefix); entry = await cursor.next()) {
    signal?.throwIfAborted()
    const below = entry.path.slice(prefix.length)
    const cut = recursive ? -1 : below.indexOf('/')
    const name = cut < 0 ? below : below.slice(0, cut)
    if (cut >= 0) {
      cursor.skipTo(prefix + behind(`${name}/`))
      // A folder may have no entry of its own, only those of what is in it.
      if (await index.find(prefix + name)) continue
      entry = { type: 'folder', path: prefix + name }
    }
    const path = shown + name
    if (matches && (entry.type !== 'file' || !matches(path))) continue
    if (items.length === limit) return { items, next: last }
    items.push(toFileEntry(entry, path, modifiedAt))
    last = cut < 0 ? path : `${path}/`
  }
  return { items, next: null }
}

/** The least path behind this one; if it ends with a slash, behind all that is in that folder: `0` is next to `/`. */
const behind = (path: string): string => (path.endsWith('/') ? `${path.slice(0, -1)}0` : `${path}\0`)

const etagOf = (chunks: readonly FileChunk[]): string =>
  fileTag(
    chunks.map(([hash]) => hash),
    (text) => hash('sha256', text, 'base64url'),
  )

function toFileEntry(entry: TreeEntry, path: string, modifiedAt: string): FileEntry {
  const sizeBytes = entry.type === 'file' ? fileSize(entry.chunks) : entry.type === 'link' ? entry.target.length : 0
  return { path, type: entry.type, sizeBytes, modifiedAt }
}

/** The bytes of a part of a file: only the chunks that it touches are read. */
async function* part(
  reader: ChunkReader,
  path: string,
  chunks: readonly FileChunk[],
  start: number,
  length: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  let offset = 0
  let first = 0
  const hashes: string[] = []
  for (const [hash, sizeBytes] of chunks) {
    if (offset + sizeBytes > start && offset < start + length) {
      if (hashes.length === 0) first = offset
      hashes.push(hash)
    }
    offset += sizeBytes
  }
  let at = first
  for await (const bytes of reader.readMany(hashes, { signal, of: path })) {
    yield bytes.subarray(Math.max(start - at, 0), Math.min(start + length - at, bytes.length))
    at += bytes.length
  }
}
