import { Readable } from 'node:stream'
import { crc32, createDeflateRaw, deflateRawSync } from 'node:zlib'

import { type Files, filesIn } from './files.ts'
import type { MemberStats, PackedMember, PackOptions } from './members.ts'

/**
 * A zip archive of a folder that tasks may be writing to, or of other files, made as it is read; see `membersOf`. Sizes and checksums of
 * files follow their content, so nothing is read twice; large files and many files are written as Zip64. Memory is that
 * of a chunk, and about a hundred bytes for each entry, whose list stands at the end of a zip. Source: PKWARE's
 * APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3; the times in UTC are those of Info-ZIP (extra field 0x5455).
 */
export function packZip(root: string | Files, options: PackOptions = {}): Readable {
  return Readable.from(archive(root, options), { objectMode: false })
}

const max16 = 0xffff
const max32 = 0xffffffff

/** Deflate makes incompressible data a little larger: beyond this a file is written as Zip64. */
const zip64From = max32 - 64 * 1024 * 1024

/** A file that does not shrink at its beginning is passed on in blocks that are not compressed. */
const sampleBytes = 64 * 1024
const worthwhile = 0.95

/** What the end of the archive says of an entry. */
interface Entry {
  name: Buffer
  method: number
  time: Buffer
  crc: number
  packed: number
  size: number
  offset: number
  mode: number
}

async function* archive(root: string | Files, options: PackOptions): AsyncGenerator<Buffer> {
  const list = new EntryList()
  let offset = 0
  for await (const member of filesIn(root).members(options)) {
    const entry = entryOf(member, offset)
    for await (const chunk of memberBytes(member, entry)) {
      offset += chunk.length
      yield chunk
    }
    list.add(centralHeader(entry))
  }
  yield* list.chunks()
  yield endOf(list.count, list.sizeBytes, offset)
}

/** The central directory, kept in few large blocks: a buffer for each entry would take several times its bytes. */
class EntryList {
  count = 0
  sizeBytes = 0
  #full: Buffer[] = []
  #block = Buffer.alloc(sampleBytes)
  #used = 0

  add(record: Buffer): void {
    if (this.#used + record.length > this.#block.length) {
      this.#full.push(this.#block.subarray(0, this.#used))
      this.#block = Buffer.alloc(Math.max(sampleBytes, record.length))
      this.#used = 0
    }
    record.copy(this.#block, this.#used)
    this.#used += record.length
    this.count += 1
    this.sizeBytes += record.length
  }

  *chunks(): Generator<Buffer> {
    yield* this.#full
    yield this.#block.subarray(0, this.#used)
  }
}

const fileType = { folder: 0o040000, link: 0o120000, file: 0o100000 } as const

function entryOf(member: PackedMember, offset: number): Entry {
  const { path, stats, type } = member
  const permissions = type === 'file' && !(stats.mode & 0o100) ? 0o644 : 0o755
  return {
    // What cannot be said in UTF-8 is written with a backslash elsewhere, which some programs take for a folder.
    name: Buffer.from(path.replaceAll('\\', '%') + (type === 'folder' ? '/' : '')),
    method: type === 'file' && stats.size > 0 ? 8 : 0,
    time: timeOf(stats),
    crc: 0,
    packed: 0,
    size: 0,
    offset,
    mode: fileType[type] | permissions,
  }
}

/** Header, content, and what is known only then; fills in sizes and checksum of the entry. */
async function* memberBytes(member: PackedMember, entry: Entry): AsyncGenerator<Buffer> {
  if (member.type !== 'file' || entry.method === 0) {
    const bytes = Buffer.from(member.type === 'link' ? member.target : '')
    Object.assign(entry, { crc: crc32(bytes), packed: bytes.length, size: bytes.length })
    yield localHeader(entry, { streamed: false, zip64: false })
    yield bytes
    return
  }
  const zip64 = member.stats.size > zip64From
  yield localHeader(entry, { streamed: true, zip64 })
  for await (const chunk of deflated(member.content, entry)) {
    entry.packed += chunk.length
    yield chunk
  }
  yield descriptor(entry, zip64)
}

async function* deflated(content: AsyncIterable<Buffer>, entry: Entry): AsyncGenerator<Buffer> {
  const chunks = content[Symbol.asyncIterator]()
  const first = await chunks.next()
  if (first.done) return
  const sample = first.value.subarray(0, sampleBytes)
  const level = deflateRawSync(sample, { level: 1 }).length < sample.length * worthwhile ? 1 : 0
  async function* counted(): AsyncGenerator<Buffer> {
    for (let next: IteratorResult<Buffer> = first; !next.done; next = await chunks.next()) {
      entry.crc = crc32(next.value, entry.crc)
      entry.size += next.value.length
      yield next.value
    }
  }
  const source = Readable.from(counted(), { objectMode: false })
  const deflate = createDeflateRaw({ level, chunkSize: sampleBytes })
  source.on('error', (error) => deflate.destroy(error))
  try {
    yield* source.pipe(deflate) as AsyncIterable<Buffer>
  } finally {
    source.destroy()
    deflate.destroy()
  }
}

/** Time and date as MS-DOS writes them (from 1980, in steps of two seconds), in UTC. */
function timeOf({ mtimeMs }: MemberStats): Buffer {
  const date = new Date(Math.min(Math.max(mtimeMs, Date.UTC(1980, 0, 1)), Date.UTC(2107, 11, 31)))
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16LE((date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1), 0)
  bytes.writeUInt16LE(((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate(), 2)
  bytes.writeInt32LE(Math.min(Math.max(Math.floor(mtimeMs / 1000), 0), 0x7fffffff), 4)
  return bytes
}

function extraField(id: number, data: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(id, 0)
  head.writeUInt16LE(data.length, 2)
  return Buffer.concat([head, data])
}

const timeExtra = (entry: Entry): Buffer => extraField(0x5455, Buffer.concat([Buffer.of(1), entry.time.subarray(4)]))

function longs(...values: number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length)
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * index)
  return bytes
}

/** Flag 3: sizes follow the content. Flag 11: the name is UTF-8. */
const flagsOf = (streamed: boolean): number => (streamed ? 0x0808 : 0x0800)

function localHeader(entry: Entry, how: { streamed: boolean; zip64: boolean }): Buffer {
  const extra = Buffer.concat([timeExtra(entry), how.zip64 ? extraField(1, longs(0, 0)) : Buffer.alloc(0)])
  const head = Buffer.alloc(30)
  head.writeUInt32LE(0x04034b50, 0)
  head.writeUInt16LE(how.zip64 ? 45 : 20, 4)
  head.writeUInt16LE(flagsOf(how.streamed), 6)
  head.writeUInt16LE(entry.method, 8)
  entry.time.copy(head, 10, 0, 4)
  head.writeUInt32LE(how.streamed ? 0 : entry.crc, 14)
  head.writeUInt32LE(how.zip64 ? max32 : entry.packed, 18)
  head.writeUInt32LE(how.zip64 ? max32 : entry.size, 22)
  head.writeUInt16LE(entry.name.length, 26)
  head.writeUInt16LE(extra.length, 28)
  return Buffer.concat([head, entry.name, extra])
}

function descriptor({ crc, packed, size }: Entry, zip64: boolean): Buffer {
  const head = Buffer.alloc(zip64 ? 8 : 16)
  head.writeUInt32LE(0x08074b50, 0)
  head.writeUInt32LE(crc, 4)
  if (zip64) return Buffer.concat([head, longs(packed, size)])
  head.writeUInt32LE(packed, 8)
  head.writeUInt32LE(size, 12)
  return head
}

function centralHeader(entry: Entry): Buffer {
  const { packed, size, offset, name, method } = entry
  const large = [size, packed, offset].some((value) => value >= max32) || size > zip64From
  const extra = Buffer.concat([timeExtra(entry), large ? extraField(1, longs(size, packed, offset)) : Buffer.alloc(0)])
  const head = Buffer.alloc(46)
  head.writeUInt32LE(0x02014b50, 0)
  // Made by version 4.5 on Unix, which says what the upper half of the attributes means.
  head.writeUInt16LE((3 << 8) | 45, 4)
  head.writeUInt16LE(large ? 45 : 20, 6)
  head.writeUInt16LE(flagsOf(method === 8), 8)
  head.writeUInt16LE(method, 10)
  entry.time.copy(head, 12, 0, 4)
  head.writeUInt32LE(entry.crc, 16)
  head.writeUInt32LE(large ? max32 : packed, 20)
  head.writeUInt32LE(large ? max32 : size, 24)
  head.writeUInt16LE(name.length, 28)
  head.writeUInt16LE(extra.length, 30)
  head.writeUInt32LE((entry.mode << 16) >>> 0, 38)
  head.writeUInt32LE(large ? max32 : offset, 42)
  return Buffer.concat([head, name, extra])
}

/** Where the list of entries is; with the Zip64 form before it, where the old one has no room. */
function endOf(count: number, sizeBytes: number, offset: number): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Math.min(count, max16), 8)
  end.writeUInt16LE(Math.min(count, max16), 10)
  end.writeUInt32LE(Math.min(sizeBytes, max32), 12)
  end.writeUInt32LE(Math.min(offset, max32), 16)
  if (count < max16 && sizeBytes < max32 && offset < max32) return end
  const record = Buffer.alloc(24)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeUInt16LE((3 << 8) | 45, 12)
  record.writeUInt16LE(45, 14)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(BigInt(offset + sizeBytes), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([record, longs(count, count, sizeBytes, offset), locator, end])
}
