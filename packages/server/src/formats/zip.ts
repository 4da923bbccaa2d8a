import { inflateRawSync } from 'node:zlib'
import { bounds, FormatError, type ModelFile } from './reader.ts'

/** A file in an archive, before it is opened. */
export interface ZipEntry {
  name: string
  method: number
  packedBytes: number
  sizeBytes: number
  headerOffset: number
}

const endMagic = 0x06054b50
const end64Magic = 0x07064b50
const directory64Magic = 0x06064b50
const entryMagic = 0x02014b50
const localMagic = 0x04034b50

/**
 * Lists a zip archive by its central directory (PKWARE's APPNOTE 4.3), read by ranges. Throws `FormatError` for what
 * readers of zip take differently: two entries of one name, entries in each other's place, encryption.
 */
export async function listZip(file: ModelFile): Promise<ZipEntry[]> {
  const fail = (reason: string) => new FormatError(file.path, reason)
  const { count, sizeBytes, offset } = await findDirectory(file, fail)
  if (count > bounds.entries || sizeBytes > bounds.directoryBytes)
    throw fail('the archive has more entries than can be')
  if (offset + sizeBytes > file.sizeBytes) throw fail('the directory of the archive lies outside the file')
  const bytes = await file.read(offset, sizeBytes)
  const entries: ZipEntry[] = []
  for (let at = 0; entries.length < count;) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== entryMagic) throw fail('the directory of it is damaged')
    const lengths = [28, 30, 32].map((place) => bytes.readUInt16LE(at + place))
    const [nameBytes = 0, extraBytes = 0, noteBytes = 0] = lengths
    const next = at + 46 + nameBytes + extraBytes + noteBytes
    if (next > bytes.length) throw fail('the directory of the archive is damaged')
    if ((bytes.readUInt16LE(at + 8) & 1) !== 0) throw fail('the archive is encrypted')
    entries.push(readEntry(bytes.subarray(at, next), nameBytes, extraBytes))
    at = next
  }
  checkEntries(entries, offset, fail)
  return entries
}

/** An entry as a file: by ranges where it is stored as it is, else unpacked, if it is small enough. */
export async function openEntry(file: ModelFile, entry: ZipEntry): Promise<ModelFile> {
  const path = `${file.path}!${entry.name}`
  const fail = (reason: string) => new FormatError(path, reason)
  const local = await file.read(entry.headerOffset, 30)
  if (local.length < 30 || local.readUInt32LE(0) !== localMagic) throw fail('its header is damaged')
  const nameBytes = local.readUInt16LE(26)
  const start = entry.headerOffset + 30 + nameBytes + local.readUInt16LE(28)
  const name = await file.read(entry.headerOffset + 30, nameBytes)
  if (name.toString('utf8') !== entry.name) throw fail('its two headers give different names')
  if (start + entry.packedBytes > file.sizeBytes) throw fail('it ends too early')
  if (entry.method === 0) {
    if (entry.packedBytes !== entry.sizeBytes) throw fail('a size of it is not true')
    return viewOf(file, path, start, entry.sizeBytes)
  }
  if (entry.method !== 8) throw fail(`it is packed by the unknown method ${entry.method}`)
  if (entry.sizeBytes > bounds.wholeBytes || entry.packedBytes > bounds.wholeBytes) throw fail('it is too large')
  const packed = await file.read(start, entry.packedBytes)
  return memoryFile(path, unpack(packed, entry.sizeBytes, fail))
}

/** Bytes in memory as a file. */
export function memoryFile(path: string, bytes: Buffer): ModelFile {
  return { path, sizeBytes: bytes.length, read: async (start, length) => bytes.subarray(start, start + length) }
}

/** A part of a file as a file of its own. */
export function viewOf(file: ModelFile, path: string, start: number, sizeBytes: number): ModelFile {
  const read = (from: number, length: number) =>
    file.read(start + from, Math.max(0, Math.min(length, sizeBytes - from)))
  return { path, sizeBytes, read }
}

type Fail = (reason: string) => FormatError

async function findDirectory(file: ModelFile, fail: Fail) {
  const tailBytes = Math.min(file.sizeBytes, 22 + 0xffff)
  const tail = await file.read(file.sizeBytes - tailBytes, tailBytes)
  let at = tail.length - 22
  while (at >= 0 && (tail.readUInt32LE(at) !== endMagic || at + 22 + tail.readUInt16LE(at + 20) !== tail.length)) at--
  if (at < 0) throw fail('the archive ends too early')
  const found = {
    count: tail.readUInt16LE(at + 10),
    sizeBytes: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  }
  if (found.count !== 0xffff && found.sizeBytes !== 0xffff_ffff && found.offset !== 0xffff_ffff) return found
  if (at < 20 || tail.readUInt32LE(at - 20) !== end64Magic) return found
  const place = Number(tail.readBigUInt64LE(at - 12))
  const directory = place <= file.sizeBytes ? await file.read(place, 56) : Buffer.alloc(0)
  if (directory.length < 56 || directory.readUInt32LE(0) !== directory64Magic) throw fail('the archive is damaged')
  const [count, sizeBytes, offset] = [32, 40, 48].map((where) => Number(directory.readBigUInt64LE(where)))
  return { count: count ?? 0, sizeBytes: sizeBytes ?? 0, offset: offset ?? 0 }
}

function readEntry(bytes: Buffer, nameBytes: number, extraBytes: number): ZipEntry {
  const entry: ZipEntry = {
    name: bytes.toString('utf8', 46, 46 + nameBytes),
    method: bytes.readUInt16LE(10),
    packedBytes: bytes.readUInt32LE(20),
    sizeBytes: bytes.readUInt32LE(24),
    headerOffset: bytes.readUInt32LE(42),
  }
  // Sizes beyond 4 GiB stand in a field behind the name, each only where it is needed (APPNOTE 4.5.3).
  const extra = bytes.subarray(46 + nameBytes, 46 + nameBytes + extraBytes)
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue
    let place = at + 4
    const end = Math.min(extra.length, place + extra.readUInt16LE(at + 2))
    for (const field of ['sizeBytes', 'packedBytes', 'headerOffset'] as const) {
      if (entry[field] !== 0xffff_ffff || place + 8 > end) continue
      entry[field] = Number(extra.readBigUInt64LE(place))
      place += 8
    }
  }
  return entry
}

function checkEntries(entries: readonly ZipEntry[], directoryOffset: number, fail: Fail): void {
  if (new Set(entries.map(({ name }) => name)).size < entries.length) throw fail('two entries of it have one name')
  let end = 0
  for (const entry of entries.toSorted((a, b) => a.headerOffset - b.headerOffset)) {
    if (entry.headerOffset < end) throw fail('entries of it lie in the same place')
    end = entry.headerOffset + 30 + entry.packedBytes
  }
  if (end > directoryOffset) throw fail('entries of it lie outside of it')
}

function unpack(packed: Buffer, sizeBytes: number, fail: Fail): Buffer {
  let bytes: Buffer
  try {
    bytes = inflateRawSync(packed, { maxOutputLength: Math.max(1, sizeBytes) })
  } catch {
    throw fail('it cannot be unpacked, or is larger than it says')
  }
  if (bytes.length !== sizeBytes) throw fail('a size of it is not true')
  return bytes
}
