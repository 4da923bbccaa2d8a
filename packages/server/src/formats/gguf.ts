import { type Found, Weights } from './found.ts'
import { bounds, countOf, Cursor, type ModelFile, shown } from './reader.ts'

/** Types of tensors with the values in a block and its bytes: `ggml.c`, https://github.com/ggml-org/ggml. */
const tensorTypes: Record<number, [name: string, values: number, bytes: number]> = {
  0: ['f32', 1, 4],
  1: ['f16', 1, 2],
  2: ['q4_0', 32, 18],
  3: ['q4_1', 32, 20],
  6: ['q5_0', 32, 22],
  7: ['q5_1', 32, 24],
  8: ['q8_0', 32, 34],
  9: ['q8_1', 32, 36],
  10: ['q2_k', 256, 84],
  11: ['q3_k', 256, 110],
  12: ['q4_k', 256, 144],
  13: ['q5_k', 256, 176],
  14: ['q6_k', 256, 210],
  15: ['q8_k', 256, 292],
  24: ['i8', 1, 1],
  25: ['i16', 1, 2],
  26: ['i32', 1, 4],
  27: ['i64', 1, 8],
  28: ['f64', 1, 8],
  30: ['bf16', 1, 2],
}

/** Bytes of a value of metadata, by its type; text and lists have none of their own. */
const valueBytes: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 }
const textType = 8
const listType = 9

/**
 * Reads metadata and tensors of a GGUF file, versions 2 and 3:
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The tensors themselves are not read.
 */
export async function readGguf(file: ModelFile): Promise<Found> {
  const cursor = new Cursor(file)
  if ((await cursor.take(4)).toString('latin1') !== 'GGUF') throw cursor.fail('it is no GGUF')
  const version = (await cursor.take(4)).readUInt32LE()
  if (version !== 2 && version !== 3) throw cursor.fail(`version ${version} of GGUF is not known`)
  const tensors = await readCount(cursor)
  const pairs = await readCount(cursor)
  const details: Record<string, string> = {}
  for (let index = 0; index < pairs; index++) {
    const name = shown(await readText(cursor), 100)
    const value = await readValue(cursor, (await cursor.take(4)).readUInt32LE(), 0)
    if (Object.keys(details).length < 200) details[name] = shown(value, 1000)
  }
  const weights = new Weights()
  const ends: number[] = []
  for (let index = 0; index < tensors; index++) ends.push(await readTensor(cursor, weights))
  const alignment = Number(details['general.alignment'] ?? 32)
  const aligned = Number.isSafeInteger(alignment) && alignment > 0 && alignment <= 65_536 ? alignment : 32
  const begin = Math.ceil(cursor.offset / aligned) * aligned
  if (ends.some((end) => begin + end > file.sizeBytes)) throw cursor.fail('a tensor lies outside the file')
  const architecture = details['general.architecture']
  return {
    format: 'gguf',
    weights,
    details,
    producer: architecture ? `GGUF ${version}, ${architecture}` : `GGUF ${version}`,
  }
}

async function readCount(cursor: Cursor): Promise<number> {
  const count = (await cursor.take(8)).readBigUInt64LE()
  if (count > BigInt(bounds.items)) throw cursor.fail('it says that it holds more than can be')
  return Number(count)
}

async function readLength(cursor: Cursor): Promise<number> {
  const length = (await cursor.take(8)).readBigUInt64LE()
  if (length > BigInt(cursor.left)) throw cursor.fail('a length in it is not true')
  return Number(length)
}

async function readText(cursor: Cursor): Promise<string> {
  const length = await readLength(cursor)
  const kept = Math.min(length, bounds.textBytes)
  const text = (await cursor.take(kept)).toString('utf8')
  cursor.skip(length - kept)
  return text
}

async function readValue(cursor: Cursor, type: number, depth: number): Promise<string> {
  if (type === textType) return readText(cursor)
  if (type === listType) return readList(cursor, depth)
  const bytes = await cursor.take(valueBytes[type] ?? Infinity)
  switch (type) {
    case 0:
      return String(bytes.readUInt8())
    case 1:
      return String(bytes.readInt8())
    case 2:
      return String(bytes.readUInt16LE())
    case 3:
      return String(bytes.readInt16LE())
    case 4:
      return String(bytes.readUInt32LE())
    case 5:
      return String(bytes.readInt32LE())
    case 6:
      return String(Number(bytes.readFloatLE().toPrecision(7)))
    case 7:
      return String(bytes.readUInt8() !== 0)
    case 10:
      return String(bytes.readBigUInt64LE())
    case 11:
      return String(bytes.readBigInt64LE())
    default:
      return String(bytes.readDoubleLE())
  }
}

/** Lists are counted, not shown: those of tokens have a hundred thousand items. */
async function readList(cursor: Cursor, depth: number): Promise<string> {
  if (depth > 4) throw cursor.fail('its lists are nested too deeply')
  const type = (await cursor.take(4)).readUInt32LE()
  const count = await readLength(cursor)
  const bytes = valueBytes[type]
  if (bytes !== undefined) cursor.skip(count * bytes)
  else if (type === textType) for (let index = 0; index < count; index++) cursor.skip(await readLength(cursor))
  else if (type === listType) for (let index = 0; index < count; index++) await readList(cursor, depth + 1)
  else throw cursor.fail(`there is no type ${type} of values`)
  return `${count} values`
}

/** Answers with where its values end, behind the header. */
async function readTensor(cursor: Cursor, weights: Weights): Promise<number> {
  const name = shown(await readText(cursor))
  const dimensions = (await cursor.take(4)).readUInt32LE()
  if (dimensions > 8) throw cursor.fail(`the tensor ${name} has more dimensions than can be`)
  const shape: number[] = []
  for (let index = 0; index < dimensions; index++) shape.push(Number((await cursor.take(8)).readBigUInt64LE()))
  const type = (await cursor.take(4)).readUInt32LE()
  const offset = Number((await cursor.take(8)).readBigUInt64LE())
  const parameters = countOf(shape)
  if (parameters === null) throw cursor.fail(`the tensor ${name} has a shape that cannot be`)
  const known = tensorTypes[type]
  const sizeBytes = known ? Math.ceil(parameters / known[1]) * known[2] : null
  weights.add({ name, type: known?.[0] ?? `type ${type}`, shape, parameters, sizeBytes })
  return offset + (sizeBytes ?? 0)
}
