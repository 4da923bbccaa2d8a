/** A value of a scalar, as TensorBoard has it. */
export interface EventScalar {
  tag: string
  step: number
  /** Milliseconds since the epoch. */
  at: number
  value: number
}

/** What could be read from the beginning of a piece of a file of events. */
export interface EventsRead {
  scalars: EventScalar[]
  /** Bytes of whole records: the next piece begins after them. */
  readBytes: number
  /** The next record is so long, with its frame; undefined: not even its length is there yet. */
  nextBytes: number | undefined
  /** What follows is no record. */
  damaged: boolean
}

/**
 * Reads scalars from whole records of a file of events, as many as there are: TFRecord with an `Event` each
 * (tensorflow/core/util/event.proto, tensorflow/core/lib/io/record_writer.h). What is not whole yet is left for later.
 * Histograms, images, texts and graphs are passed over.
 */
export function readEventRecords(piece: Buffer): EventsRead {
  const read: EventsRead = { scalars: [], readBytes: 0, nextBytes: undefined, damaged: false }
  while (piece.length - read.readBytes >= headBytes) {
    const start = read.readBytes
    if (maskedCrc(piece.subarray(start, start + 8)) !== piece.readUInt32LE(start + 8)) {
      return { ...read, nextBytes: undefined, damaged: true }
    }
    const length = Number(piece.readBigUInt64LE(start))
    read.nextBytes = headBytes + length + 4
    if (piece.length - start < read.nextBytes) return read
    const record = piece.subarray(start + headBytes, start + headBytes + length)
    if (!readEvent(record, read.scalars)) return { ...read, nextBytes: undefined, damaged: true }
    read.readBytes += read.nextBytes
    read.nextBytes = undefined
  }
  return read
}

/** The length and its checksum. */
const headBytes = 12

/** One field of a message of protobuf (https://protobuf.dev/programming-guides/encoding). */
interface Field {
  number: number
  wire: number
  /** Wire type 0: as a signed 64-bit number. */
  value: number
  /** Wire types 1, 2 and 5. */
  bytes: Buffer
}

/** `Event`: 1 wall_time, 2 step, 5 summary. False where it is none. */
function readEvent(record: Buffer, scalars: EventScalar[]): boolean {
  let [at, step] = [0, 0]
  const values: Buffer[] = []
  const isWhole = eachField(record, ({ number, wire, value, bytes }) => {
    if (number === 1 && wire === 1) at = Math.round(bytes.readDoubleLE() * 1000)
    if (number === 2 && wire === 0) step = value
    if (number !== 5 || wire !== 2) return true
    return eachField(bytes, (part) => {
      if (part.number === 1 && part.wire === 2) values.push(part.bytes)
      return true
    })
  })
  if (!isWhole || !Number.isSafeInteger(at) || !Number.isSafeInteger(step)) return false
  return values.every((bytes) => readValue(bytes, { at, step }, scalars))
}

/** `Summary.Value`: 1 tag, 2 simple_value, 8 tensor. */
function readValue(bytes: Buffer, event: { at: number; step: number }, scalars: EventScalar[]): boolean {
  let tag = ''
  let value: number | undefined
  const isWhole = eachField(bytes, (part) => {
    if (part.number === 1 && part.wire === 2) tag = part.bytes.toString('utf8')
    if (part.number === 2 && part.wire === 5) value = shortest(part.bytes.readFloatLE())
    if (part.number === 8 && part.wire === 2) value = numberOf(part.bytes)
    return true
  })
  // Sessions of hyperparameters are written as values too.
  if (value !== undefined && tag !== '' && !tag.startsWith('_hparams_/')) scalars.push({ ...event, tag, value })
  return isWhole
}

/** Types of tensors that hold numbers, by `DataType`, and how wide those are in `tensor_content`. */
const types = {
  1: { bytes: 4, read: (from: Buffer) => shortest(from.readFloatLE()) },
  2: { bytes: 8, read: (from: Buffer) => from.readDoubleLE() },
  3: { bytes: 4, read: (from: Buffer) => from.readInt32LE() },
  9: { bytes: 8, read: (from: Buffer) => Number(from.readBigInt64LE()) },
} as const

/**
 * The number of a tensor that is one: `TensorProto` with 1 dtype, 2 shape, 4 tensor_content, and 5 float_val,
 * 6 double_val, 7 int_val, 10 int64_val, which may be packed. Undefined: it is something else.
 */
function numberOf(tensor: Buffer): number | undefined {
  let type = 0
  let isOne = true
  let value: number | undefined
  eachField(tensor, ({ number, wire, value: whole, bytes }) => {
    if (number === 1) type = whole
    if (number === 2) isOne = bytes.length === 0
    const own = types[type as keyof typeof types]
    if (!own) return true
    const inBytes = number === 4 || number === 5 || number === 6
    if (inBytes && bytes.length === own.bytes) value = own.read(bytes)
    if (number === 7 || number === 10) value = wire === 0 ? whole : readVarint(bytes, 0)?.value
    return true
  })
  return isOne ? value : undefined
}

/** Calls `use` for each field; false where the message is damaged, or as soon as `use` says so. */
function eachField(message: Buffer, use: (field: Field) => boolean): boolean {
  for (let at = 0; at < message.length;) {
    const key = readVarint(message, at)
    if (!key) return false
    const [number, wire] = [Math.floor(key.value / 8), key.value % 8]
    const value = wire === 0 || wire === 2 ? readVarint(message, key.end) : { value: 0, end: key.end }
    if (!value || number < 1) return false
    const length = wire === 2 ? value.value : (fixedBytes[wire] ?? -1)
    if (length < 0 || length > message.length - value.end) return false
    const end = value.end + length
    if (!use({ number, wire, value: value.value, bytes: message.subarray(value.end, end) })) return false
    at = end
  }
  return true
}

/** Bytes of the wire types whose values have a fixed length. */
const fixedBytes: Partial<Record<number, number>> = { 0: 0, 1: 8, 5: 4 }

/** Up to seven bytes are exact as a number; longer ones are large or below zero. */
function readVarint(from: Buffer, start: number): { value: number; end: number } | null {
  let value = 0
  let scale = 1
  for (let at = start; at < from.length && at < start + 7; at++, scale *= 128) {
    const byte = from[at]!
    value += (byte & 127) * scale
    if (byte < 128) return { value, end: at + 1 }
  }
  return readLongVarint(from, start)
}

function readLongVarint(from: Buffer, start: number): { value: number; end: number } | null {
  let value = 0n
  for (let at = start; at < from.length && at < start + 10; at++) {
    const byte = from[at]!
    value |= BigInt(byte & 127) << BigInt(7 * (at - start))
    if (byte < 128) return { value: Number(BigInt.asIntN(64, value)), end: at + 1 }
  }
  return null
}

/** The shortest number that is this one in 32 bits: what was logged as 0.2 is shown so. */
function shortest(value: number): number {
  if (!Number.isFinite(value)) return value
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value
}

/** As TFRecord has it: CRC-32C, turned and added to, so that a checksum of what holds checksums is none of them. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** Castagnoli's polynomial, reflected (RFC 3720, B.4). */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc >>> 0
})

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 255]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
