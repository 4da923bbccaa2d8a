import { bounds, FormatError, type ModelFile } from './reader.ts'

/** Last eight bytes of a table. */
const magic = 0xdb4775248b80fb57n
const footerBytes = 48

export interface TableEntry {
  key: string
  value: Buffer
}

/**
 * The entries of a sorted table of LevelDB, as TensorFlow writes its checkpoints' index:
 * https://github.com/google/leveldb/blob/main/doc/table_format.md. Blocks are not compressed there.
 */
export async function* readTable(file: ModelFile): AsyncGenerator<TableEntry> {
  const fail = (reason: string) => new FormatError(file.path, reason)
  if (file.sizeBytes < footerBytes) throw fail('it ends too early')
  const footer = await file.read(file.sizeBytes - footerBytes, footerBytes)
  if (footer.length < footerBytes || footer.readBigUInt64LE(40) !== magic) throw fail('it is no index of a checkpoint')
  const reader = { bytes: footer, at: 0 }
  varint(reader, fail)
  varint(reader, fail)
  const index = await readBlock(file, varint(reader, fail), varint(reader, fail), fail)
  let count = 0
  for (const { value } of entriesOf(index, fail)) {
    const handle = { bytes: value, at: 0 }
    const block = await readBlock(file, varint(handle, fail), varint(handle, fail), fail)
    for (const entry of entriesOf(block, fail)) {
      if (++count > bounds.items) throw fail('it holds more than can be')
      yield entry
    }
  }
}

type Fail = (reason: string) => FormatError

async function readBlock(file: ModelFile, offset: number, length: number, fail: Fail): Promise<Buffer> {
  if (offset + length + 5 > file.sizeBytes || length > bounds.wholeBytes) throw fail('a place in it is not true')
  const bytes = await file.read(offset, length + 1)
  if (bytes.length <= length) throw fail('it ends too early')
  if (bytes[length] !== 0) throw fail('it is compressed in a way that is not known here')
  return bytes.subarray(0, length)
}

/** A key is what it shares with the one before and the rest of it. */
function* entriesOf(block: Buffer, fail: Fail): Generator<TableEntry> {
  if (block.length < 4) throw fail('a block of it is damaged')
  const restarts = block.readUInt32LE(block.length - 4)
  const end = block.length - 4 - restarts * 4
  if (end < 0) throw fail('a block of it is damaged')
  const reader = { bytes: block.subarray(0, end), at: 0 }
  let key = Buffer.alloc(0)
  while (reader.at < end) {
    const shared = varint(reader, fail)
    const own = varint(reader, fail)
    const length = varint(reader, fail)
    if (shared > key.length || reader.at + own + length > end || shared + own > bounds.textBytes) {
      throw fail('a block of it is damaged')
    }
    key = Buffer.concat([key.subarray(0, shared), block.subarray(reader.at, reader.at + own)])
    reader.at += own
    yield { key: key.toString('utf8'), value: block.subarray(reader.at, reader.at + length) }
    reader.at += length
  }
}

function varint(reader: { bytes: Buffer; at: number }, fail: Fail): number {
  let value = 0
  for (let factor = 1; factor < 2 ** 50; factor *= 128) {
    const byte = reader.bytes[reader.at++]
    if (byte === undefined) throw fail('a number in it is damaged')
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
  }
  throw fail('a number in it is damaged')
}
