import { crc32 } from 'node:zlib'
import { limits } from '../lib/limits.ts'
import type { Batch, Bucket } from './series.ts'

/**
 * A file of measurements is a header and then frames, little-endian:
 *
 *     0 bytes of the payload (u32)   4 CRC-32 of the payload (u32)   8 payload: blocks
 *
 * A block begins with its kind (u8), the number of its series in this file (u16) and a count (u32):
 *
 *     name     count bytes of JSON, [name, labels]: what the number means from here on
 *     points   time (f64, ms since the epoch), then count × { ms after it (u32), value (f32) }
 *     buckets  time (f64), then count × { ms after it (u32), min, avg, max (f32), measurements (u32) }
 *
 * The first frame that is not whole ends the file: it was being written when the server was killed. A release that adds
 * a kind changes the header.
 */
export const fileHeader = Buffer.from('nabla metrics 1\n')

const kinds = { name: 1, points: 2, buckets: 3 } as const
const frameHead = 8
const blockHead = 7
const itemBytes = { [kinds.points]: 8, [kinds.buckets]: 20 } as const
/** Times in a block are counted from its first in 32 bits. */
const blockSpanMs = 2 ** 32 - 1

/** Some items of one series as they stand in a file. */
export interface Block {
  key: string
  single: boolean
  count: number
  /** Time of the first item and of the last, in milliseconds since the epoch. */
  at: number
  lastAt: number
  view: DataView
  /** Where the items begin in `view`. */
  offset: number
}

/**
 * One frame with all buckets of a batch. Series that the file has no number for yet get one in `numbers`; those for
 * which there is no number left are dropped.
 *
 * @param single each bucket is one measurement: they take less room
 */
export function encodeFrame(batch: Batch, numbers: Map<string, number>, single: boolean): Buffer {
  const parts: Buffer[] = [Buffer.alloc(frameHead)]
  for (const [key, buckets] of batch) {
    let number = numbers.get(key)
    if (number === undefined) {
      if (numbers.size >= limits.metricSeriesCount) continue
      number = numbers.size
      numbers.set(key, number)
      const name = Buffer.from(key)
      parts.push(headOf(kinds.name, number, name.length), name)
    }
    for (const run of runsOf(buckets)) parts.push(encodeBlock(run, number, single))
  }
  const frame = Buffer.concat(parts)
  const payload = frame.subarray(frameHead)
  frame.writeUInt32LE(payload.length, 0)
  frame.writeUInt32LE(crc32(payload), 4)
  return frame
}

/** The blocks of all whole frames, the names of its series, and how many bytes of the file are good. */
export function parseSegment(bytes: Buffer): { blocks: Block[]; numbers: Map<string, number>; goodBytes: number } {
  const blocks: Block[] = []
  const keys: string[] = []
  const numbers = new Map<string, number>()
  if (!bytes.subarray(0, fileHeader.length).equals(fileHeader)) return { blocks, numbers, goodBytes: 0 }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let start = fileHeader.length
  while (start + frameHead <= bytes.length) {
    const end = start + frameHead + view.getUint32(start, true)
    // A file that grew before its content was on the disk ends in zeros, and those have a CRC of zero.
    if (end === start + frameHead || end > bytes.length) break
    if (crc32(bytes.subarray(start + frameHead, end)) !== view.getUint32(start + 4, true)) break
    parseFrame(bytes, view, start + frameHead, end, { blocks, keys, numbers })
    start = end
  }
  return { blocks, numbers, goodBytes: start }
}

/** Calls back for each item of a block. Plain numbers: a million of them make no garbage. */
export function visitItems(
  { single, count, at, view, offset }: Block,
  visit: (at: number, min: number, avg: number, max: number, count: number) => void,
): void {
  const size = itemBytes[single ? kinds.points : kinds.buckets]
  for (let index = 0, place = offset; index < count; index++, place += size) {
    const time = at + view.getUint32(place, true)
    const first = view.getFloat32(place + 4, true)
    if (single) visit(time, first, first, first, 1)
    else {
      const [avg, max] = [view.getFloat32(place + 8, true), view.getFloat32(place + 12, true)]
      visit(time, first, avg, max, view.getUint32(place + 16, true))
    }
  }
}

interface Parsed {
  blocks: Block[]
  keys: string[]
  numbers: Map<string, number>
}

function parseFrame(bytes: Buffer, view: DataView, start: number, end: number, parsed: Parsed): void {
  for (let place = start; place + blockHead <= end;) {
    const kind = view.getUint8(place)
    const number = view.getUint16(place + 1, true)
    const count = view.getUint32(place + 3, true)
    place += blockHead
    if (kind === kinds.name) {
      const key = bytes.toString('utf8', place, place + count)
      parsed.keys[number] = key
      parsed.numbers.set(key, number)
      place += count
    } else {
      const single = kind === kinds.points
      const size = itemBytes[single ? kinds.points : kinds.buckets]
      const at = view.getFloat64(place, true)
      const offset = place + 8
      place = offset + count * size
      const lastAt = at + view.getUint32(place - size, true)
      parsed.blocks.push({ key: parsed.keys[number] ?? '', single, count, at, lastAt, view, offset })
    }
  }
}

function encodeBlock(buckets: readonly Bucket[], number: number, single: boolean): Buffer {
  const kind = single ? kinds.points : kinds.buckets
  const at = buckets[0]?.at ?? 0
  const block = Buffer.allocUnsafe(blockHead + 8 + buckets.length * itemBytes[kind])
  headOf(kind, number, buckets.length).copy(block)
  let place = block.writeDoubleLE(at, blockHead)
  for (const bucket of buckets) {
    place = block.writeUInt32LE(bucket.at - at, place)
    place = block.writeFloatLE(bucket.min, place)
    if (single) continue
    place = block.writeFloatLE(bucket.avg, place)
    place = block.writeFloatLE(bucket.max, place)
    place = block.writeUInt32LE(bucket.count, place)
  }
  return block
}

function* runsOf(buckets: readonly Bucket[]): Generator<Bucket[]> {
  for (let start = 0; start < buckets.length;) {
    const first = buckets[start]?.at ?? 0
    const beyond = buckets.findIndex(({ at }, index) => index > start && at - first > blockSpanMs)
    const end = beyond < 0 ? buckets.length : beyond
    yield buckets.slice(start, end)
    start = end
  }
}

function headOf(kind: number, number: number, count: number): Buffer {
  const head = Buffer.allocUnsafe(blockHead)
  head.writeUInt8(kind, 0)
  head.writeUInt16LE(number, 1)
  head.writeUInt32LE(count, 3)
  return head
}
