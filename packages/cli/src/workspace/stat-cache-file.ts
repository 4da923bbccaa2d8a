import { hash, randomBytes } from 'node:crypto'
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { limits } from '../limits.ts'
import type { FolderEntry, Listing } from './scan.ts'
import { entryKinds, StatCache } from './stat-cache.ts'
import type { Stamp } from './stamp.ts'
import type { KnownEntry, KnownFile, Segment } from './tree.ts'

/** What is kept of a folder. Byte order is that of the machine. */
export interface CacheColumns {
  /** One for each entry, by place. Of a folder, `sizes` holds the tag of the rules that were in force in it. */
  sizes: Float64Array
  mtimes: Float64Array
  /** NaN, which equals nothing: what stood there may have changed without its times telling. */
  ctimes: Float64Array
  inodes: Float64Array
  /** Place of the folder that it is in. */
  parents: Uint32Array
  /** Where the chunks of an entry end; they begin where those of the entry before end. */
  chunkEnds: Uint32Array
  kinds: Uint8Array
  paths: string[]
  chunkSizes: Uint32Array
  hashes: Buffer
  /** One for each segment; `ends` are places. */
  segments: { sizes: Float64Array; ends: Uint32Array; lengths: Uint32Array; files: Uint32Array; hashes: Buffer }
}

const nothing = new StatCache(undefined)

/** Where the cache of a folder is. */
export function statCacheFile(cacheFolder: string, folder: string): string {
  return join(cacheFolder, 'workspaces', hash('sha256', realPath(folder)).slice(0, 32))
}

/** One that is not there, or may not be looked at, is itself; whoever reads it will say so. */
function realPath(folder: string): string {
  try {
    return realpathSync(folder)
  } catch {
    return folder
  }
}

/** Reads a cache. One that is missing, torn, of another version or of another user knows nothing. */
export function loadStatCache(file: string | undefined): StatCache {
  if (file === undefined) return nothing
  try {
    const stats = lstatSync(file)
    if (!stats.isFile() || stats.uid !== process.getuid?.() || (stats.mode & 0o022) !== 0) return nothing
    const columns = decode(readFileSync(file))
    return columns ? new StatCache(columns) : nothing
  } catch {
    return nothing
  }
}

/**
 * Writes a cache in place of the one before; a reader sees the old one or the new one. It is only a help: where it
 * cannot be written, nothing is said. `top`: the folder itself; undefined where some of its entries are left out.
 * `segments`: those of the tree of these entries, if it was written.
 */
export function saveStatCache(
  file: string,
  top: FolderEntry | undefined,
  entries: readonly KnownEntry[],
  segments: readonly Segment[],
): void {
  const folder = join(file, '..')
  const temporary = `${file}.${randomBytes(6).toString('hex')}.new`
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(temporary, encode(top, entries, segments), { mode: 0o600, flag: 'wx' })
    renameSync(temporary, file)
    forgetOldest(folder)
  } catch {
    discard(temporary)
  }
}

function discard(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // Its folder is none: there is no file either.
  }
}

/** `nablasc` and the version. */
const magic = Buffer.from('nablasc2')
const headBytes = 32

interface Counts {
  entries: number
  chunks: number
  segments: number
  nameBytes: number
}

/**
 * Head: magic, CRC-32 of all behind it, then how many entries, chunks, segments and bytes of names. Behind it columns,
 * the widest first, which are read by views, so that 100,000 files take milliseconds; names at the end, each with a NUL.
 */
const sizeOf = ({ entries, chunks, segments, nameBytes }: Counts): number =>
  headBytes + entries * 41 + chunks * 36 + segments * 52 + nameBytes

function columnsOf(
  bytes: Buffer,
  { entries, chunks, segments }: Counts,
): Omit<CacheColumns, 'paths'> & { names: Buffer } {
  let offset = headBytes
  const take = (length: number) => bytes.byteOffset + (offset += length) - length
  const wide = (count: number) => new Float64Array(bytes.buffer, take(count * 8), count)
  const whole = (count: number) => new Uint32Array(bytes.buffer, take(count * 4), count)
  const plain = (length: number) => bytes.subarray((offset += length) - length, offset)
  const [sizes, mtimes, ctimes, inodes] = [wide(entries), wide(entries), wide(entries), wide(entries)]
  const segmentSizes = wide(segments)
  const [parents, chunkEnds, chunkSizes] = [whole(entries), whole(entries), whole(chunks)]
  const [ends, lengths, files] = [whole(segments), whole(segments), whole(segments)]
  const hashes = plain(chunks * 32)
  const segmentHashes = plain(segments * 32)
  const kinds = plain(entries)
  const segmentColumns = { sizes: segmentSizes, ends, lengths, files, hashes: segmentHashes }
  const byEntry = { sizes, mtimes, ctimes, inodes, parents, chunkEnds, kinds }
  return {
    ...byEntry,
    chunkSizes,
    hashes,
    segments: segmentColumns,
    names: bytes.subarray(offset),
  }
}

function encode(top: FolderEntry | undefined, known: readonly KnownEntry[], segments: readonly Segment[]): Buffer {
  const kept = known.slice(0, limits.rememberedFiles)
  const isWhole = top !== undefined && kept.length === known.length
  const names = Buffer.from(['', ...kept.map(({ path }) => path)].map((path) => `${path}\0`).join(''))
  const counts = {
    entries: kept.length + 1,
    chunks: kept.reduce((sum, entry) => sum + (entry.type === 'file' ? entry.chunks.length : 0), 0),
    segments: isWhole ? segments.length : 0,
    nameBytes: names.byteLength,
  }
  const bytes = Buffer.from(new ArrayBuffer(sizeOf(counts)))
  const columns = columnsOf(bytes, counts)
  names.copy(columns.names)
  const places = new Map([['', 0]])
  putFolder(columns, 0, isWhole ? top.listing : undefined)
  let chunk = 0
  for (const [index, entry] of kept.entries()) {
    const place = index + 1
    columns.parents[place] = places.get(entry.path.slice(0, Math.max(0, entry.path.lastIndexOf('/')))) ?? 0
    if (entry.type === 'file') {
      chunk = putFile(columns, place, chunk, entry)
    } else if (entry.type === 'folder') {
      places.set(entry.path, place)
      // Of a folder that is not remembered to its end it must not be said what is in it.
      putFolder(columns, place, isWhole ? entry.listing : undefined)
    } else {
      columns.kinds[place] = entryKinds.link
      columns.ctimes[place] = Number.NaN
    }
    columns.chunkEnds[place] = chunk
  }
  if (isWhole) putSegments(columns.segments, segments)
  magic.copy(bytes)
  for (const [index, count] of Object.values(counts).entries()) bytes.writeUInt32LE(count, 12 + 4 * index)
  bytes.writeUInt32LE(crc32(bytes.subarray(12)), 8)
  return bytes
}

function putStamp({ sizes, mtimes, ctimes, inodes }: Columns, place: number, { stamp, size, isSettled }: Kept): void {
  sizes[place] = size
  mtimes[place] = stamp.mtimeMs
  ctimes[place] = isSettled ? stamp.ctimeMs : Number.NaN
  inodes[place] = stamp.inode
}

type Columns = Omit<CacheColumns, 'paths'>
type Kept = { stamp: Stamp; size: number; isSettled: boolean }

function putFolder(columns: Columns, place: number, listing: Listing | undefined): void {
  columns.kinds[place] = entryKinds.folder
  if (listing) putStamp(columns, place, { stamp: listing.stamp, size: listing.rulesTag, isSettled: true })
  else columns.ctimes[place] = Number.NaN
}

/** Gives the place behind its chunks. */
function putFile(columns: Columns, place: number, firstChunk: number, file: KnownFile): number {
  const { stamp, chunks, executable, isSettled } = file
  columns.kinds[place] = executable ? entryKinds.executable : entryKinds.file
  putStamp(columns, place, { stamp, size: stamp.sizeBytes, isSettled })
  for (const [index, [chunkHash, sizeBytes]] of chunks.entries()) {
    columns.chunkSizes[firstChunk + index] = sizeBytes
    columns.hashes.write(chunkHash, (firstChunk + index) * 32, 'hex')
  }
  return firstChunk + chunks.length
}

function putSegments({ sizes, ends, lengths, files, hashes }: CacheColumns['segments'], segments: readonly Segment[]) {
  for (const [index, segment] of segments.entries()) {
    sizes[index] = segment.sizeBytes
    ends[index] = segment.end + 1
    lengths[index] = segment.byteLength
    files[index] = segment.files
    hashes.write(segment.hash, index * 32, 'hex')
  }
}

/** Undefined: not a whole cache of this version. */
function decode(bytes: Buffer): CacheColumns | undefined {
  if (bytes.byteLength < headBytes || !bytes.subarray(0, magic.byteLength).equals(magic)) return undefined
  const [entries, chunks, segments, nameBytes] = [12, 16, 20, 24].map((at) => bytes.readUInt32LE(at)) as Four
  const counts = { entries, chunks, segments, nameBytes }
  if (bytes.byteLength !== sizeOf(counts) || crc32(bytes.subarray(12)) !== bytes.readUInt32LE(8)) return undefined
  const { names, ...columns } = columnsOf(bytes, counts)
  return { ...columns, paths: names.toString('utf8').split('\0') }
}

type Four = [number, number, number, number]

/** Keeps the caches of the folders that were used last, and what others are writing just now. */
function forgetOldest(folder: string): void {
  const files = readdirSync(folder).map((name) => ({ name, used: lstatSync(join(folder, name)).mtimeMs }))
  files.sort((one, other) => other.used - one.used)
  for (const { name } of files.slice(limits.rememberedFolders)) rmSync(join(folder, name), { force: true })
}
