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
import type { FileChunk } from '@nabla/api/tree-format'
import { limits } from '../limits.ts'
import type { Stamp } from './stamp.ts'
import type { KnownFile } from './tree.ts'

/** Remembers the chunks of the files of one folder, so that what has not changed is not read again. */
export interface StatCache {
  /** Its chunks if the file is the one that it was; undefined: read it. */
  find(path: string, stamp: Stamp): readonly FileChunk[] | undefined
  /** What a file consisted of before it changed; undefined: that is not known. */
  former(path: string): readonly FileChunk[] | undefined
}

/**
 * Whether a stamp tells every later change of a file that was read at `readAtMs`. One that had changed a moment before
 * may change again within the same tick of the file system's clock (git calls such an entry racily clean). The time
 * of the inode is asked, since that of the contents may be set at will.
 */
export function isSettled(stamp: Stamp, readAtMs: number): boolean {
  const isCoarse = stamp.ctimeNs % 1_000_000_000n === 0n
  const racyMs = isCoarse ? limits.racyCoarseMs : limits.racyMs
  return stamp.ctimeNs < BigInt(Math.floor(readAtMs - racyMs)) * 1_000_000n
}

/** Where the cache of a folder is. */
export function statCacheFile(cacheFolder: string, folder: string): string {
  return join(cacheFolder, 'workspaces', hash('sha256', realpathSync(folder)).slice(0, 32))
}

/** Reads a cache. One that is missing, torn, of another version or of another user knows nothing. */
export function loadStatCache(file: string): StatCache {
  try {
    const stats = lstatSync(file)
    if (!stats.isFile() || stats.uid !== process.getuid?.() || (stats.mode & 0o022) !== 0) return nothing
    return decode(readFileSync(file)) ?? nothing
  } catch {
    return nothing
  }
}

/**
 * Writes a cache in place of the one before; a reader sees the old one or the new one. It is only a help: where it
 * cannot be written, nothing is said.
 */
export function saveStatCache(file: string, known: readonly KnownFile[]): void {
  const folder = join(file, '..')
  const temporary = `${file}.${randomBytes(6).toString('hex')}.new`
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(temporary, encode(known.slice(0, limits.rememberedFiles)), { mode: 0o600, flag: 'wx' })
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

const nothing: StatCache = { find: () => undefined, former: () => undefined }

/** `nablasc` and the version. */
const magic = Buffer.from('nablasc1')
const headBytes = 32

/**
 * Head: magic, CRC-32 of all behind it, then files, chunks and bytes of names. Behind it columns: sizes, times,
 * inodes, end of the chunks of each file, sizes of chunks, hashes, and names that end in NUL. Columns are read by
 * views, so that 100,000 files take milliseconds. Byte order is that of the machine.
 */
function encode(known: readonly KnownFile[]): Buffer {
  const files = known.length
  const count = known.reduce((sum, { chunks }) => sum + chunks.length, 0)
  const [sizes, mtimes, ctimes, inodes] = [0, 1, 2, 3].map(() => new BigInt64Array(files)) as Four<BigInt64Array>
  const ends = new Uint32Array(files)
  const chunkSizes = new Uint32Array(count)
  const hashes = Buffer.alloc(count * 32)
  let chunk = 0
  for (const [index, { stamp, chunks }] of known.entries()) {
    sizes[index] = BigInt(stamp.sizeBytes)
    mtimes[index] = stamp.mtimeNs
    ctimes[index] = stamp.ctimeNs
    inodes[index] = stamp.inode
    for (const [chunkHash, sizeBytes] of chunks) {
      chunkSizes[chunk] = sizeBytes
      hashes.write(chunkHash, chunk * 32, 'hex')
      chunk += 1
    }
    ends[index] = chunk
  }
  const names = Buffer.from(known.map(({ path }) => `${path}\0`).join(''))
  const columns = [sizes, mtimes, ctimes, inodes, ends, chunkSizes].map((column) => Buffer.from(column.buffer))
  const parts = [...columns, hashes, names]
  const head = Buffer.alloc(headBytes)
  magic.copy(head)
  head.writeUInt32LE(files, 12)
  head.writeUInt32LE(count, 16)
  head.writeUInt32LE(names.byteLength, 20)
  head.writeUInt32LE(crcOf([head.subarray(12), ...parts]), 8)
  return Buffer.concat([head, ...parts])
}

type Four<T> = [T, T, T, T]

function crcOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((crc, part) => crc32(part, crc), 0)
}

/** Undefined: not a whole cache of this version. */
function decode(bytes: Buffer): StatCache | undefined {
  if (bytes.byteLength < headBytes || !bytes.subarray(0, magic.byteLength).equals(magic)) return undefined
  const [files, count, nameBytes] = [bytes.readUInt32LE(12), bytes.readUInt32LE(16), bytes.readUInt32LE(20)]
  if (bytes.byteLength !== headBytes + files * 36 + count * 36 + nameBytes) return undefined
  if (crc32(bytes.subarray(12)) !== bytes.readUInt32LE(8)) return undefined
  let offset = bytes.byteOffset + headBytes
  const wide = (): BigInt64Array => new BigInt64Array(bytes.buffer, (offset += files * 8) - files * 8, files)
  const [sizes, mtimes, ctimes, inodes] = [wide(), wide(), wide(), wide()]
  const ends = new Uint32Array(bytes.buffer, offset, files)
  const chunkSizes = new Uint32Array(bytes.buffer, offset + files * 4, count)
  const hashesAt = headBytes + files * 36 + count * 4
  const names = bytes.toString('utf8', hashesAt + count * 32).split('\0')
  const indexes = new Map<string, number>()
  for (let index = 0; index < files; index++) indexes.set(names[index] as string, index)
  const chunksOf = (index: number): FileChunk[] => {
    const chunks: FileChunk[] = []
    for (let chunk = index === 0 ? 0 : (ends[index - 1] as number); chunk < (ends[index] as number); chunk++) {
      const at = hashesAt + chunk * 32
      chunks.push([bytes.toString('hex', at, at + 32), chunkSizes[chunk] as number])
    }
    return chunks
  }
  return {
    find(path, stamp) {
      const index = indexes.get(path)
      if (index === undefined) return undefined
      const same =
        sizes[index] === BigInt(stamp.sizeBytes) &&
        mtimes[index] === stamp.mtimeNs &&
        ctimes[index] === stamp.ctimeNs &&
        inodes[index] === stamp.inode
      return same ? chunksOf(index) : undefined
    },
    former(path) {
      const index = indexes.get(path)
      return index === undefined ? undefined : chunksOf(index)
    },
  }
}

/** Keeps the caches of the folders that were used last, and what others are writing just now. */
function forgetOldest(folder: string): void {
  const files = readdirSync(folder).map((name) => ({ name, used: lstatSync(join(folder, name)).mtimeMs }))
  files.sort((one, other) => other.used - one.used)
  for (const { name } of files.slice(limits.rememberedFolders)) rmSync(join(folder, name), { force: true })
}
