import { isUtf8 } from 'node:buffer'
import { constants } from 'node:fs'
import { type FileHandle, open, readlink } from 'node:fs/promises'
import { posix } from 'node:path'
import { chunkLength, chunkSizes } from '@nabla/api/chunker'
import type { Tree } from '@nabla/api/tree'
import { encodeRoot, type FileChunk, fileSize, segmentWriter, type TreeEntry } from '@nabla/api/tree-format'
import { AppError } from '../lib/app-error.ts'
import { errorCode, fileError } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'
import { openBeneath, parseRelativePath, pinBeneath, pinFolder } from '../lib/safe-path.ts'
import { entryPath, pathText, type TreeEntry as Met, walk } from '../volumes/walk.ts'
import type { ChunkStore, ChunkWriter } from './chunk-store.ts'

/** What became of a folder. */
export interface Ingested {
  tree: Tree
  /** Files, folders and links. */
  entries: number
  /** What a tree cannot hold, with the reason: the first `limits.leftOutTold`, and how many in all. */
  leftOut: { path: string; reason: string }[]
  leftOutCount: number
}

/**
 * Makes a tree of a folder, or of what is at a path in it, which tasks may be writing to; of a file, one with only that. A file that changes while it is read is read again, a bounded
 * number of times, and then taken as it was read last, never longer than it was then; what vanishes is left out. Left
 * out and told are links that lead out, devices, pipes, sockets, names that are no UTF-8, and what may not be read.
 * Throws `disk_full` and what `ChunkStore.commit` throws.
 */
export async function ingest(
  chunks: ChunkStore,
  teamId: string,
  dir: string,
  signal: AbortSignal,
  { path = '', onEntry }: IngestOptions = {},
): Promise<Ingested> {
  const intake: Intake = { writer: chunks.add(teamId, signal), leftOut: [], leftOutCount: 0 }
  const segments: [string, number][] = []
  const store = async (segment: Uint8Array | undefined) => {
    if (segment) segments.push([await intake.writer.add(segment), segment.byteLength])
  }
  const form = segmentWriter()
  let [entries, files, sizeBytes] = [0, 0, 0]
  for await (const entry of entriesAt(intake, dir, path, signal)) {
    entries++
    if (entry.type === 'file') {
      files++
      sizeBytes += fileSize(entry.chunks)
    }
    onEntry?.({ files, sizeBytes })
    await store(form.add(entry))
  }
  await store(form.finish())
  const digest = await intake.writer.add(encodeRoot({ version: 1, files, sizeBytes, segments }))
  await intake.writer.finish()
  const tree = await chunks.commit(teamId, digest, signal)
  return { tree, entries, leftOut: intake.leftOut, leftOutCount: intake.leftOutCount }
}

export interface IngestOptions {
  /** A folder or file in the folder, as somebody named it; links on the way are followed while they stay inside. */
  path?: string
  /** Hears after each file, folder and link how much has been taken in. */
  onEntry?: (soFar: { files: number; sizeBytes: number }) => void
}

interface Intake {
  writer: ChunkWriter
  leftOut: { path: string; reason: string }[]
  leftOutCount: number
}

async function* entriesAt(
  intake: Intake,
  dir: string,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<TreeEntry, void, undefined> {
  const found = path === '' ? await pinFolder(dir) : await pinBeneath(dir, path, { followLast: true })
  try {
    if ((await found.stat()).isDirectory()) yield* entriesOf(intake, found, signal)
    else {
      const name = posix.basename(path)
      const shown = Buffer.from(name).toString('latin1')
      const entry = await readFile(intake, openBeneath(dir, path, constants.O_RDONLY), { path: shown }, name)
      if (entry) yield entry
    }
  } finally {
    await found.close()
  }
}

/** Its entries in the order of their paths. Files are read several at a time. */
async function* entriesOf(intake: Intake, start: FileHandle, signal: AbortSignal): AsyncGenerator<TreeEntry> {
  const reading: Promise<TreeEntry | undefined>[] = []
  try {
    for await (const met of walk(start, { recursive: true, byPath: true, signal })) {
      const entry = begin(intake, met)
      entry.entry.catch(() => {})
      reading.push(entry.entry)
      // The folder that holds the file is open only until the walk goes on.
      await entry.opened
      const first = reading.length >= limits.filesAtOnce ? await reading.shift() : undefined
      if (first) yield first
    }
    while (reading.length > 0) {
      const next = await reading.shift()
      if (next) yield next
    }
  } finally {
    await Promise.allSettled(reading)
  }
}

/** `opened` resolves when the walk may go on. */
function begin(intake: Intake, met: Met): { opened: Promise<unknown>; entry: Promise<TreeEntry | undefined> } {
  const path = Buffer.from(met.path, 'latin1').toString('utf8')
  const reason = whyNot(met, path)
  if (reason !== undefined) {
    leaveOut(intake, met, reason)
    return { opened: Promise.resolve(), entry: Promise.resolve(undefined) }
  }
  if (met.stats.isDirectory()) return { opened: Promise.resolve(), entry: Promise.resolve({ type: 'folder', path }) }
  if (met.stats.isSymbolicLink()) {
    const entry = readLink(intake, met, path)
    return { opened: entry.catch(() => {}), entry }
  }
  const file = openFile(intake, met)
  return { opened: file.catch(() => {}), entry: readFile(intake, file, met, path) }
}

function whyNot(met: Met, path: string): string | undefined {
  if (!isUtf8(Buffer.from(met.path, 'latin1'))) return 'its name is not UTF-8'
  const { stats } = met
  if (!stats.isFile() && !stats.isDirectory() && !stats.isSymbolicLink()) return 'it is a device, pipe or socket'
  try {
    parseRelativePath(path)
    return undefined
  } catch (error) {
    if (error instanceof AppError) return String(error.params['reason'])
    throw error
  }
}

function leaveOut(intake: Intake, met: Met, reason: string): undefined {
  intake.leftOutCount++
  if (intake.leftOut.length < limits.leftOutTold) intake.leftOut.push({ path: pathText(met.path), reason })
}

async function readLink(intake: Intake, met: Met, path: string): Promise<TreeEntry | undefined> {
  const target = await readlink(entryPath(met), 'latin1').catch(() => '')
  // It has vanished, or is something else by now.
  if (target === '') return undefined
  const bytes = Buffer.from(target, 'latin1')
  if (!isUtf8(bytes)) return leaveOut(intake, met, 'it is a link to a name that is not UTF-8')
  const text = bytes.toString('utf8')
  const reached = posix.normalize(posix.join(posix.dirname(path), text))
  if (text.startsWith('/') || reached === '..' || reached.startsWith('../')) {
    return leaveOut(intake, met, 'it is a link that leads out')
  }
  return { type: 'link', path, target: text }
}

/** Undefined: it has vanished, is something else by now, or may not be read. A pipe put in its place holds up nobody. */
async function openFile(intake: Intake, met: Met): Promise<FileHandle | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  try {
    return await open(entryPath(met), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    const code = errorCode(error) ?? ''
    if (['EACCES', 'EPERM'].includes(code)) return leaveOut(intake, met, 'it may not be read')
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ESTALE'].includes(code)) return undefined
    throw error
  }
}

async function readFile(
  intake: Intake,
  opening: Promise<FileHandle | undefined>,
  met: Pick<Met, 'path'>,
  path: string,
): Promise<TreeEntry | undefined> {
  const file = await opening
  if (!file) return undefined
  try {
    for (let reads = 1; ; reads++) {
      const before = await file.stat()
      if (!before.isFile()) return undefined
      const chunks = await cut(file, before.size, intake.writer)
      const after = await file.stat()
      const isStill = after.size === before.size && after.mtimeMs === before.mtimeMs && after.ctimeMs === before.ctimeMs
      const executable = (before.mode & 0o100) !== 0
      if (isStill || reads >= limits.fileReads) return { type: 'file', path, executable, chunks }
    }
  } catch (error) {
    throw fileError(error, pathText(met.path))
  } finally {
    await file.close()
  }
}

/** Cuts the first `size` bytes of a file into chunks, or as many as there are. */
async function cut(file: FileHandle, size: number, writer: ChunkWriter): Promise<FileChunk[]> {
  const chunks: FileChunk[] = []
  const buffer = Buffer.allocUnsafe(Math.min(size, 2 * chunkSizes.maxBytes))
  let [filled, position] = [0, 0]
  let ended = size === 0
  while (filled > 0 || !ended) {
    while (!ended && filled < buffer.length) {
      const wanted = Math.min(buffer.length - filled, size - position)
      const { bytesRead } = await file.read(buffer, filled, wanted, position)
      filled += bytesRead
      position += bytesRead
      ended = bytesRead === 0 || position >= size
    }
    let at = 0
    while (at < filled && (ended || filled - at >= chunkSizes.maxBytes)) {
      const length = chunkLength(buffer, at, filled)
      chunks.push([await writer.add(buffer.subarray(at, at + length)), length])
      at += length
    }
    buffer.copyWithin(0, at, filled)
    filled -= at
  }
  return chunks
}
