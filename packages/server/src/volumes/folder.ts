import type { FileEntry } from '@nabla/api/file'
import { createHash, randomUUID } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { chmod, type FileHandle, mkdir, open, rename, rm, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'

import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { errorCode, fileError } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'
import { fdPath, openBeneath, parseRelativePath, pinBeneath, resolveBeneath, withParent } from '../lib/safe-path.ts'
import { resolveRange } from './byte-range.ts'
import { makeMatcher } from './glob.ts'
import { removeTree } from './remove-tree.ts'
import { moveToTrash, stagingBeside, syncFolder } from './staging.ts'
import { hashFile } from './tree-digest.ts'
import { pathBytes, pathText, walk } from './walk.ts'

/**
 * The files of one folder (storage, artifacts) as users see them, while running tasks write to it as they like.
 * `root` is the folder, `relative` what a user named in it. Everything throws `bad_path` and `file_not_found`.
 */

export interface ListOptions {
  /** Everything below, not only what is directly in the folder. */
  recursive?: boolean
  /** Most entries to come back. */
  limit: number
  /** The `next` of the page before. */
  after?: string
  /** Only files that match, see `makeMatcher`; patterns are for the path from the root. */
  glob?: string[]
  signal?: AbortSignal
}

export interface FilePage {
  items: FileEntry[]
  /** Present while there is more. */
  next: string | null
}

/** One page of what is in a folder, in the order of names. Devices, pipes and sockets are left out. */
export async function list(root: string, relative: string, options: ListOptions): Promise<FilePage> {
  const matches = options.glob && makeMatcher(options.glob)
  const prefix = relative === '' ? '' : `${relative}/`
  const after = options.after?.startsWith(prefix) ? pathBytes(options.after.slice(prefix.length)) : ''
  return resolveBeneath(root, relative, {}, async ({ handle }) => {
    // Opened once more, so that a folder that may not be read is an error and not empty.
    const folder = await open(fdPath(handle), constants.O_RDONLY | constants.O_DIRECTORY)
    const items: FileEntry[] = []
    try {
      const { recursive = false, signal } = options
      for await (const { path, stats } of walk(folder, { recursive, after, ...(signal && { signal }) })) {
        const entry = toEntry(prefix + pathText(path), stats)
        // Nobody could ask for anything with a path that long.
        if (!entry || entry.path.length > limits.pathBytes) continue
        if (matches && (entry.type !== 'file' || !matches(entry.path))) continue
        if (items.length === options.limit) return { items, next: items.at(-1)?.path ?? null }
        items.push(entry)
      }
    } finally {
      await folder.close()
    }
    return { items, next: null }
  })
}

/** What is at a path; of a link, the link itself. */
export async function stat(root: string, relative: string): Promise<FileEntry> {
  const found = await pinBeneath(root, relative, { followLast: false })
  try {
    const entry = toEntry(relative, await found.stat())
    if (!entry) throw new AppError('bad_path', { path: relative, reason: 'it is neither a file nor a folder' })
    return entry
  } finally {
    await found.close()
  }
}

export interface OpenFile {
  /** To be read or destroyed, which closes the file. Ends early if the file is cut off meanwhile. */
  stream: Readable
  /** Of the whole file. */
  sizeBytes: number
  modifiedAt: string
  /** Names these very bytes: a file that was changed or replaced has another one. */
  etag: string
  /** First byte of the stream, and how many bytes it has. */
  start: number
  length: number
}

/**
 * Opens a file for reading as large as it is now. `range.end` is included, as in HTTP, and may lie beyond the end; a
 * negative `range.start` counts from the end. With `ifRange` the range counts only if the file still is the one with
 * that tag; with `ifMatch` any other is refused with `file_changed`. Throws `bad_range` too.
 */
export async function openRead(
  root: string,
  relative: string,
  options: { range?: { start: number; end?: number }; ifMatch?: string; ifRange?: string } = {},
): Promise<OpenFile> {
  const file = await openBeneath(root, relative, constants.O_RDONLY)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new AppError('bad_path', { path: relative, reason: 'it is a folder' })
    const etag = await etagOf(file)
    if (options.ifMatch !== undefined && options.ifMatch !== etag)
      throw new AppError('file_changed', { path: relative })
    const range = options.ifRange === undefined || options.ifRange === etag ? options.range : undefined
    const { start, length } = resolveRange(range, stats.size, relative)
    const about = { sizeBytes: stats.size, modifiedAt: timeOf(stats), etag, start, length }
    if (length > 0) return { stream: file.createReadStream({ start, end: start + length - 1 }), ...about }
    await file.close()
    return { stream: Readable.from([]), ...about }
  } catch (error) {
    await file.close()
    throw error
  }
}

export interface WriteOptions {
  /** SHA-256 (hex) of what is to arrive; throws `checksum_mismatch` if it does not. */
  expectedSha256?: string
  executable?: boolean
  /** When it was changed, in milliseconds since 1970; now, if left out. */
  modifiedMs?: number
  /** Called with the number of bytes so far; what it throws ends the writing. For quotas. */
  admit?: (sizeBytes: number) => void
}

/**
 * Writes a file whole, its folders made where they are missing: the old one stays until the new one is complete and
 * on the disk. Throws `checksum_mismatch`, `disk_full`, `conflict` and `invalid` (the source broke off) too.
 */
export async function write(
  root: string,
  relative: string,
  source: Readable,
  options: WriteOptions = {},
): Promise<{ sizeBytes: number; sha256: string }> {
  // A source may fail before it is read, and then nobody would be listening.
  source.on('error', () => {})
  parseRelativePath(relative)
  const staging = stagingBeside(root)
  await mkdir(staging, { recursive: true, mode: 0o700 })
  const unfinished = join(staging, randomUUID())
  try {
    const written = await receive(unfinished, source, options)
    await withParent(root, relative, { create: true }, async (parent, name) => {
      await rename(unfinished, parent.at(name))
      await syncFolder(fdPath(parent.handle))
    })
    return written
  } catch (error) {
    throw fileError(error, relative)
  } finally {
    await rm(unfinished, { force: true })
  }
}

/**
 * Removes a file, a link (not what it leads to) or a folder; one that is not empty only with `recursive`, else
 * `conflict`. A folder is gone at once; this resolves when its space has been freed as well.
 */
export async function remove(root: string, relative: string, options: { recursive?: boolean } = {}): Promise<void> {
  const moved = await withParent(root, relative, {}, async (parent, name) => {
    const found = await pinBeneath(fdPath(parent.handle), name, { followLast: false })
    try {
      if (!(await found.stat()).isDirectory()) return await unlink(parent.at(name))
      if (!options.recursive) return await rmdir(parent.at(name))
      return await moveAway(found, parent.at(name), root)
    } finally {
      await found.close()
    }
  })
  if (moved !== undefined) await removeTree(moved)
}

/** Makes a folder and those above it; one that is there is fine. */
export async function makeFolder(root: string, relative: string): Promise<void> {
  await resolveBeneath(root, relative, { create: true }, async () => {})
}

export interface Hashed {
  path: string
  sizeBytes: number
  modifiedAt: string
  etag: string
  sha256: string
}

/**
 * SHA-256 (hex) of a file; `etag` is that of the bytes that were read. Throws `conflict` if it does not keep still.
 *
 * @param now milliseconds since 1970; what was touched just before may change again without its times telling
 */
export async function checksumOf(
  root: string,
  relative: string,
  { signal, now }: { signal?: AbortSignal; now: number },
): Promise<Hashed> {
  const file = await openBeneath(root, relative, constants.O_RDONLY)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new AppError('bad_path', { path: relative, reason: 'it is a folder' })
    const etag = await etagOf(file)
    const sha256 = known.get(etag) ?? (await hashFile(file, signal))
    if ((await etagOf(file)) !== etag) {
      throw new AppError('conflict', { detail: `The file ${relative} is being written to.` })
    }
    if (stats.ctimeMs < now - unsettledMs) remember(etag, sha256)
    return { path: relative, sizeBytes: stats.size, modifiedAt: timeOf(stats), etag, sha256 }
  } catch (error) {
    throw fileError(error, relative)
  } finally {
    await file.close()
  }
}

/** Times of files are written in steps of some milliseconds, on some file systems of two seconds. */
const unsettledMs = 3000

/** Checksums by tag: a file that was not touched need not be read again. The oldest are forgotten. */
const known = new Map<string, string>()

function remember(etag: string, sha256: string): void {
  known.delete(etag)
  known.set(etag, sha256)
  const oldest = known.keys().next()
  if (known.size > limits.knownChecksums && !oldest.done) known.delete(oldest.value)
}

/** Made of what changes with the content: device, inode, size, and the times of content and inode in nanoseconds. */
async function etagOf(file: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await file.stat({ bigint: true })
  return `"${[dev, ino, size, mtimeNs, ctimeNs].map((value) => value.toString(36)).join('-')}"`
}

function toEntry(path: string, stats: Stats): FileEntry | undefined {
  const about = { path, sizeBytes: stats.isDirectory() ? 0 : stats.size, modifiedAt: timeOf(stats) }
  if (stats.isFile()) return { ...about, type: 'file' }
  if (stats.isDirectory()) return { ...about, type: 'folder' }
  return stats.isSymbolicLink() ? { ...about, type: 'link' } : undefined
}

/** The last moment of the year 9999: tasks can set any time, and what is later has no ISO text of the usual length. */
const latestMs = 253_402_300_799_999

function timeOf(stats: Stats): string {
  return toIso(Math.min(Math.max(Math.trunc(stats.mtimeMs), 0), latestMs))
}

async function receive(path: string, source: Readable, options: WriteOptions) {
  const hash = createHash('sha256')
  const file = await open(path, 'wx', options.executable ? 0o755 : 0o644)
  let sizeBytes = 0
  try {
    for await (const chunk of intact(source)) {
      sizeBytes += chunk.length
      options.admit?.(sizeBytes)
      hash.update(chunk)
      await file.writeFile(chunk)
    }
    const seconds = (options.modifiedMs ?? 0) / 1000
    if (options.modifiedMs !== undefined) await file.utimes(seconds, seconds)
    await file.sync()
  } finally {
    await file.close()
  }
  const actual = hash.digest('hex')
  if (options.expectedSha256 !== undefined && options.expectedSha256 !== actual) {
    throw new AppError('checksum_mismatch', { expected: options.expectedSha256, actual })
  }
  return { sizeBytes, sha256: actual }
}

async function* intact(source: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) yield chunk
  } catch {
    throw new AppError('invalid', { detail: 'The file broke off while it was sent.' })
  }
}

/** Moving a folder needs the right to write into it, since its `..` changes. */
async function moveAway(folder: FileHandle, path: string, root: string): Promise<string> {
  try {
    return await moveToTrash(path, root)
  } catch (error) {
    if (errorCode(error) !== 'EACCES') throw error
  }
  await chmod(fdPath(folder), 0o700)
  return moveToTrash(path, root)
}
