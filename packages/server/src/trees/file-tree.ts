import type { FileEntry } from '@nabla/api/file'
import { type FileChunk, fileSize, type TreeEntry } from '@nabla/api/tree-format'
import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import { parseRelativePath } from '../lib/safe-path.ts'
import { type ByteRange, resolveRange } from '../volumes/byte-range.ts'
import type { FilePage, ListOptions, OpenFile } from '../volumes/folder.ts'
import { makeMatcher } from '../volumes/glob.ts'
import { contentsOf, type Piece } from './contents.ts'
import type { ChunkReader } from './segment-cache.ts'
import type { TreeIndex } from './tree-index.ts'

/** As in `volumes/folder.ts`. */
export interface ReadOptions {
  range?: ByteRange
  ifMatch?: string
  ifRange?: string
  signal?: AbortSignal
}

/** The files of a tree as users see them: the same as `volumes/folder.ts` for a folder, and the same errors. */
export interface FileTree {
  digest: string
  files: number
  sizeBytes: number
  /** ISO 8601: of the tree, and so of each file in it; trees know no other times. */
  modifiedAt: string
  /** One page of what is in a folder, in the order of the bytes of the paths. */
  list(relative: string, options: ListOptions): Promise<FilePage>
  /** What is at a path; of a link, the link itself. */
  stat(relative: string): Promise<FileEntry>
  /** Opens a file; links are followed. `range` as in `volumes/folder.ts`. */
  openRead(relative: string, options?: ReadOptions): Promise<OpenFile>
  /** The entries at these paths and below them, all of them if left out. Paths are those of entries, not of links. */
  entries(paths?: readonly string[]): AsyncGenerator<TreeEntry>
  /** Entries with what is in their files, in order. */
  contents(entries: AsyncIterable<TreeEntry>, signal?: AbortSignal): AsyncGenerator<Piece>
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
      const { entry } = await locate(index, parseRelativePath(relative), relative, true)
      if (entry.type !== 'file') throw new AppError('bad_path', { path: relative, reason: 'it is a folder' })
      const etag = etagOf(entry.chunks)
      if (options.ifMatch !== undefined && options.ifMatch !== etag)
        throw new AppError('file_changed', { path: relative })
      const range = options.ifRange === undefined || options.ifRange === etag ? options.range : undefined
      const size = fileSize(entry.chunks)
      const { start, length } = resolveRange(range, size, relative)
      const bytes = part(reader, relative, entry.chunks, start, length, options.signal)
      const stream = Readable.from(bytes, { objectMode: false })
      return { stream, sizeBytes: size, modifiedAt, etag, start, length }
    },
    entries: (paths = ['']) => entriesAt(index, paths),
    contents: (entries, signal) => contentsOf(reader, entries, signal),
  }
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

async function* entriesAt(index: TreeIndex, paths: readonly string[]): AsyncGenerator<TreeEntry> {
  for (const path of paths) {
    const { entry } = await locate(index, parseRelativePath(path), path, false)
    if (path !== '') yield entry
    if (entry.type !== 'folder') continue
    const cursor = index.cursor(inside(path))
    for (let entry = await cursor.next(); entry?.path.startsWith(inside(path)); entry = await cursor.next()) yield entry
  }
}

const inside = (folder: string): string => (folder === '' ? '' : `${folder}/`)

interface Located {
  entry: TreeEntry
  /** Where it is, once links are followed. */
  path: string
}

const top: TreeEntry = { type: 'folder', path: '' }

/** What is at a path; also a folder that has no entry of its own. */
async function findAny(index: TreeIndex, path: string): Promise<TreeEntry | undefined> {
  const entry = await index.find(path)
  if (entry) return entry
  const below = await index.cursor(inside(path)).next()
  return below?.path.startsWith(inside(path)) ? { type: 'folder', path } : undefined
}

/** Finds what is at a path as the kernel would, links on the way followed. Throws as `lib/safe-path.ts` does. */
async function locate(index: TreeIndex, path: string, asked: string, followLast: boolean): Promise<Located> {
  const direct = path === '' ? top : await findAny(index, path)
  if (direct && (direct.type !== 'link' || !followLast)) return { entry: direct, path }
  const bad = (reason: string) => new AppError('bad_path', { path: asked, reason })
  const at: string[] = []
  const pending = path.split('/').toReversed()
  let links = 0
  let found = top
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part === '' || part === '.') continue
    if (found.type !== 'folder') throw bad('a part of it is a file, not a folder')
    if (part === '..') {
      if (at.pop() === undefined) throw bad('it leads out of the folder')
      found = { type: 'folder', path: at.join('/') }
      continue
    }
    at.push(part)
    const entry = await findAny(index, at.join('/'))
    if (!entry) throw new AppError('file_not_found', { path: asked })
    const isLast = pending.length === 0
    if (entry.type !== 'link' || (isLast && !followLast)) {
      found = entry
      continue
    }
    if (++links > limits.linksFollowed) throw bad('its links go round')
    if (entry.target.startsWith('/')) throw bad('it leads out of the folder')
    at.pop()
    pending.push(...entry.target.split('/').toReversed())
  }
  return { entry: found, path: found.path }
}

/** The same for equal bytes, in whatever tree. */
function etagOf(chunks: readonly FileChunk[]): string {
  return `"${hash('sha256', chunks.map(([hash]) => hash).join(' '), 'base64url')}"`
}

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
