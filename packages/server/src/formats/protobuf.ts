import { bounds, type Cursor } from './reader.ts'

/** A field of a message of protobuf (https://protobuf.dev/programming-guides/encoding): its number and wire type. */
export interface Field {
  number: number
  wire: number
  /** Wire type 0: the value, as a signed 64-bit number; else 0. */
  value: bigint
  /** Wire types 1, 2 and 5: where its bytes begin, and how many there are. */
  start: number
  length: number
}

/**
 * The fields of a message that reaches to `end`, one after the other. The bytes of a field are not read unless
 * `bytesOf` asks for them, so that tensors of gigabytes cost nothing.
 */
export async function* fieldsOf(cursor: Cursor, end: number): AsyncGenerator<Field> {
  while (cursor.offset < end) {
    const key = await readVarint(cursor)
    const wire = Number(key & 7n)
    const number = Number(key >> 3n)
    if (number === 0 || number > 0x1fff_ffff) throw cursor.fail('it is no protobuf: a field has no number')
    const field = { number, wire, value: 0n, start: 0, length: 0 }
    if (wire === 0) {
      field.value = BigInt.asIntN(64, await readVarint(cursor))
      yield field
      continue
    }
    field.length = wire === 2 ? lengthOf(cursor, await readVarint(cursor)) : fixedLength(cursor, wire)
    field.start = cursor.offset
    if (field.length > end - field.start) throw cursor.fail('a length in it is not true')
    yield field
    cursor.offset = field.start + field.length
  }
  if (cursor.offset !== end) throw cursor.fail('a length in it is not true')
}

/** The bytes of a field, if there are not too many. */
export async function bytesOf(cursor: Cursor, field: Field, most: number = bounds.textBytes): Promise<Buffer> {
  if (field.wire !== 2) throw cursor.fail('it is no protobuf: a field has another type than it should')
  if (field.length > most) throw cursor.fail('a text in it is far too long')
  cursor.offset = field.start
  return cursor.take(field.length)
}

export async function textOf(cursor: Cursor, field: Field): Promise<string> {
  return (await bytesOf(cursor, field)).toString('utf8')
}

/** The fields of the message that a field holds. */
export async function* inside(cursor: Cursor, field: Field, depth = 0): AsyncGenerator<Field> {
  if (field.wire !== 2) throw cursor.fail('it is no protobuf: a field has another type than it should')
  if (depth > bounds.depth) throw cursor.fail('its messages are nested too deeply')
  cursor.offset = field.start
  yield* fieldsOf(cursor, field.start + field.length)
}

/** The numbers of a repeated field: one, or many that are packed. */
export async function* numbersOf(cursor: Cursor, field: Field): AsyncGenerator<number> {
  if (field.wire === 0) yield Number(field.value)
  else {
    const bytes = await bytesOf(cursor, field)
    for (let at = 0; at < bytes.length;) {
      let value = 0n
      for (let shift = 0n; ; shift += 7n) {
        const byte = bytes[at++]
        if (byte === undefined || shift > 63n) throw cursor.fail('a number in it is damaged')
        value |= BigInt(byte & 0x7f) << shift
        if (byte < 0x80) break
      }
      yield Number(BigInt.asIntN(64, value))
    }
  }
}

async function readVarint(cursor: Cursor): Promise<bigint> {
  let low = 0
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = cursor.peeked() ?? (await cursor.take(1))[0]!
    low |= (byte & 0x7f) << shift
    if (byte < 0x80) return BigInt(low)
  }
  let value = BigInt(low)
  for (let shift = 28n; shift < 70n; shift += 7n) {
    const byte = cursor.peeked() ?? (await cursor.take(1))[0]!
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return BigInt.asUintN(64, value)
  }
  throw cursor.fail('a number in it is damaged')
}

function lengthOf(cursor: Cursor, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw cursor.fail('a length in it is not true')
  return Number(value)
}

function fixedLength(cursor: Cursor, wire: number): number {
  if (wire === 1) return 8
  if (wire === 5) return 4
  throw cursor.fail(`it is no protobuf: there is no wire type ${wire}`)
}
