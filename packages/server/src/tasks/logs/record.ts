import { crc32 } from 'node:zlib'

/**
 * The index of a log is a header and then records of one size, little-endian. A record numbers and stamps one range
 * of one raw file:
 *
 *     0 first line (u48, from 1)   6 lines (u32)    10 time (u48, ms)   16 part (u32)   20 source (u8)   21 kind (u8)
 *    22 byte offset (u48)         28 bytes (u32)    32 CRC-32 of those bytes            36 CRC-32 of bytes 0 to 35
 *
 * The last field tells a torn or corrupt tail; the one before it tells when a task changed output it had written.
 */
export const recordBytes = 40

/** Fills the place of the first record, so that every record starts at a multiple of its size. */
export const header = Buffer.from('nabla log 1'.padEnd(recordBytes - 1) + '\n')

/** Where a line came from. `system` is what the platform has to say. The order is that of the numbers on disk. */
export const sources = ['stdout', 'stderr', 'system'] as const
export type Source = (typeof sources)[number]

/**
 * `text`: whole lines. `partial`: the last line does not end here. `lost`: one line of ours, saying that the task
 * shortened the file; reading goes on at the offset. `end`: no line; nothing more is expected.
 */
const kinds = ['text', 'partial', 'lost', 'end'] as const
export type RecordKind = (typeof kinds)[number]

/** A range of a raw file that is about to be numbered. */
export interface Draft {
  kind: RecordKind
  part: number
  source: Source
  /** Lines, the partial one included. */
  lines: number
  offset: number
  length: number
  /** CRC-32 of the bytes. */
  contentCheck: number
}

export interface IndexRecord extends Draft {
  /** Number of the first line. */
  seq: number
  /** Milliseconds since the epoch; never less than that of the record before. */
  at: number
}

/** A record that says that nothing more is expected. */
export const endDraft: Draft = {
  kind: 'end',
  part: 0,
  source: 'system',
  lines: 0,
  offset: 0,
  length: 0,
  contentCheck: 0,
}

/** Number of the last line of a record; of a record without lines, the number before its own. */
export const lastSeqOf = (record: IndexRecord): number => record.seq + record.lines - 1

export function encodeRecord(record: IndexRecord, buffer: Buffer, start: number): void {
  buffer.writeUIntLE(record.seq, start, 6)
  buffer.writeUInt32LE(record.lines, start + 6)
  buffer.writeUIntLE(record.at, start + 10, 6)
  buffer.writeUInt32LE(record.part, start + 16)
  buffer.writeUInt8(sources.indexOf(record.source), start + 20)
  buffer.writeUInt8(kinds.indexOf(record.kind), start + 21)
  buffer.writeUIntLE(record.offset, start + 22, 6)
  buffer.writeUInt32LE(record.length, start + 28)
  buffer.writeUInt32LE(record.contentCheck, start + 32)
  buffer.writeUInt32LE(crc32(buffer.subarray(start, start + 36)), start + 36)
}

/** The record at `start`, or null when what is there is none. */
export function decodeRecord(buffer: Buffer, start: number): IndexRecord | null {
  if (start + recordBytes > buffer.length) return null
  if (crc32(buffer.subarray(start, start + 36)) !== buffer.readUInt32LE(start + 36)) return null
  const source = sources[buffer.readUInt8(start + 20)]
  const kind = kinds[buffer.readUInt8(start + 21)]
  if (!source || !kind) return null
  return {
    seq: buffer.readUIntLE(start, 6),
    lines: buffer.readUInt32LE(start + 6),
    at: buffer.readUIntLE(start + 10, 6),
    part: buffer.readUInt32LE(start + 16),
    source,
    kind,
    offset: buffer.readUIntLE(start + 22, 6),
    length: buffer.readUInt32LE(start + 28),
    contentCheck: buffer.readUInt32LE(start + 32),
  }
}
