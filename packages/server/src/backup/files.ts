import { type FileHandle, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from '../lib/file-error.ts'
import { openFileAt, pinFolder } from '../lib/safe-path.ts'
import { entryPath, type TreeEntry, walk } from '../volumes/walk.ts'
import type { Blobs, LineWriter } from './blobs.ts'
import { blobBytes, type FileEntry, type Part, smallFileBytes } from './format.ts'

/** What is copied of a data folder, in the order of a walk. The rest is made again, or of no use elsewhere. */
const roots = ['logs', 'metrics', 'secret.key', 'volumes']

export interface CopiedFiles {
  sizeBytes: number
  /** Things that were not copied: pipes, sockets, devices, and what could not be read. */
  leftOut: number
  /** Ids of the volumes that were there. */
  volumes: Set<string>
}

/**
 * Copies the files of a data folder while they are in use, and writes an entry for each. What is as it was in
 * `before`, an earlier list of entries, is not read. A file that is written to meanwhile is copied as far as it went
 * when it was reached.
 */
export async function copyFiles(
  data: string,
  blobs: Blobs,
  lines: LineWriter,
  before: AsyncIterator<FileEntry>,
  signal: AbortSignal,
): Promise<CopiedFiles> {
  const copied: CopiedFiles = { sizeBytes: 0, leftOut: 0, volumes: new Set() }
  const bundle = new Bundle(blobs, lines)
  const earlier = new Earlier(before)
  for await (const found of walkRoots(data, signal)) {
    const entry = await describe(found)
    if (entry === undefined) {
      copied.leftOut++
      continue
    }
    const [top, id] = entry.path.split('/')
    if (top === 'volumes' && id !== undefined) copied.volumes.add(id)
    const same = await earlier.find(entry)
    if (entry.type !== 'file') await bundle.pass(entry)
    else if (same?.parts?.every(([hash]) => blobs.has(hash))) await bundle.pass({ ...entry, parts: same.parts })
    else if (!(await copyFile(found, entry, blobs, bundle))) copied.leftOut++
    copied.sizeBytes += entry.type === 'file' ? entry.sizeBytes : 0
  }
  await bundle.flush()
  return copied
}

/** Orders paths as a walk does: part by part, as bytes. */
export const walkOrder = (path: string): string => path.replaceAll('/', '\0')

/** Small files on their way into one blob, and the entries that wait for its hash, in their order. */
class Bundle {
  readonly #blobs: Blobs
  readonly #lines: LineWriter
  #bytes: Buffer[] = []
  #size = 0
  #waiting: { entry: FileEntry; start: number | null }[] = []

  constructor(blobs: Blobs, lines: LineWriter) {
    this.#blobs = blobs
    this.#lines = lines
  }

  /** An entry that is complete. */
  async pass(entry: FileEntry): Promise<void> {
    if (this.#waiting.length === 0) {
      await this.#lines.add(entry)
      return
    }
    this.#waiting.push({ entry, start: null })
    if (this.#waiting.length >= mostWaiting) await this.flush()
  }

  async addSmall(entry: FileEntry, bytes: Buffer): Promise<void> {
    this.#waiting.push({ entry: { ...entry, sizeBytes: bytes.length }, start: this.#size })
    this.#bytes.push(bytes)
    this.#size += bytes.length
    if (this.#size + smallFileBytes > blobBytes || this.#waiting.length >= mostWaiting) await this.flush()
  }

  async flush(): Promise<void> {
    const hash = this.#size > 0 ? await this.#blobs.put(Buffer.concat(this.#bytes)) : ''
    for (const { entry, start } of this.#waiting) {
      if (start === null) await this.#lines.add(entry)
      else await this.#lines.add({ ...entry, parts: entry.sizeBytes > 0 ? [[hash, start, entry.sizeBytes]] : [] })
    }
    this.#bytes = []
    this.#size = 0
    this.#waiting = []
  }
}

const mostWaiting = 5000

/** Goes through an earlier list beside the walk: both are in one order. */
class Earlier {
  readonly #entries: AsyncIterator<FileEntry>
  #next: FileEntry | undefined
  #done = false

  constructor(entries: AsyncIterator<FileEntry>) {
    this.#entries = entries
  }

  /** The entry of the same path, if nothing about the file has changed since. */
  async find({ path, type, sizeBytes, mtimeMs, ctimeMs, ino }: FileEntry): Promise<FileEntry | undefined> {
    while (!this.#done && (!this.#next || walkOrder(this.#next.path) < walkOrder(path))) {
      const { done, value } = await this.#entries.next()
      this.#done = done ?? false
      this.#next = done ? undefined : value
    }
    const next = this.#next
    const same =
      next?.path === path &&
      next.type === type &&
      next.sizeBytes === sizeBytes &&
      next.mtimeMs === mtimeMs &&
      next.ctimeMs === ctimeMs &&
      next.ino === ino
    return same ? next : undefined
  }
}

async function* walkRoots(data: string, signal: AbortSignal): AsyncGenerator<TreeEntry> {
  const start = await pinFolder(data)
  try {
    for await (const top of walk(start, { recursive: false, signal })) {
      if (!roots.includes(top.name)) continue
      yield top
      if (top.stats.isDirectory()) yield* walkRoot(data, top.name, signal)
    }
  } finally {
    await start.close()
  }
}

async function* walkRoot(data: string, name: string, signal: AbortSignal): AsyncGenerator<TreeEntry> {
  const folder = await pinFolder(join(data, name))
  try {
    for await (const entry of walk(folder, { recursive: true, signal })) {
      // Folders in which a server puts together, and takes apart, what is not a volume.
      if (!entry.path.startsWith('.')) yield { ...entry, path: `${name}/${entry.path}` }
    }
  } finally {
    await folder.close()
  }
}

async function describe(found: TreeEntry): Promise<FileEntry | undefined> {
  const { mode, uid, gid, mtimeMs, ctimeMs, ino, size } = found.stats
  const common = { path: found.path, mode: mode & 0o7777, uid, gid, mtimeMs, ctimeMs, ino, sizeBytes: 0 }
  if (found.stats.isFile()) return { ...common, type: 'file', sizeBytes: size }
  if (found.stats.isDirectory()) return { ...common, type: 'folder' }
  if (!found.stats.isSymbolicLink()) return undefined
  try {
    // Node answers with bytes; its types do not say so for this encoding.
    const target = await readlink(entryPath(found), { encoding: 'latin1' as BufferEncoding })
    return { ...common, type: 'link', target }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** False if the file is gone, or may not be read. */
async function copyFile(found: TreeEntry, entry: FileEntry, blobs: Blobs, bundle: Bundle): Promise<boolean> {
  const file = await openFileAt(entryPath(found))
  if (!file) return false
  try {
    if (entry.sizeBytes <= smallFileBytes) {
      await bundle.addSmall(entry, await readPart(file, 0, entry.sizeBytes))
      return true
    }
    const parts: Part[] = []
    let sizeBytes = 0
    while (sizeBytes < entry.sizeBytes) {
      const bytes = await readPart(file, sizeBytes, Math.min(blobBytes, entry.sizeBytes - sizeBytes))
      if (bytes.length === 0) break
      parts.push([await blobs.put(bytes), 0, bytes.length])
      sizeBytes += bytes.length
    }
    await bundle.pass({ ...entry, sizeBytes, parts })
    return true
  } finally {
    await file.close()
  }
}

/** Fewer bytes than asked for where the file ends before. */
async function readPart(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at, start + at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  return bytes.subarray(0, at)
}

/** For a place without an earlier backup. */
export async function* noEntries(): AsyncGenerator<FileEntry> {}
