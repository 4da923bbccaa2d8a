/** A value of a scalar, as TensorBoard has it. */
export interface EventScalar {
  tag: string
  step: number
  /** Milliseconds since the epoch. */
  at: number
  value: number
}

/** What was logged at a step that is no number. */
export interface EventMedia {
  tag: string
  step: number
  /** Milliseconds since the epoch. */
  at: number
  kind: 'image' | 'text' | 'histogram'
  /** An image as it was encoded, text in UTF-8, of a histogram JSON of `EventHistogram`. */
  body: Buffer
}

/** How many values lie below each limit, and above the one before. */
export interface EventHistogram {
  least: number
  limits: number[]
  counts: number[]
}

/** What could be read from the beginning of a piece of a file of events. */
export interface EventsRead {
  scalars: EventScalar[]
  media: EventMedia[]
  /** Bytes of whole records: the next piece begins after them. */
  readBytes: number
  /** The next record is so long, with its frame; undefined: not even its length is there yet. */
  nextBytes: number | undefined
  /** What follows is no record. */
  damaged: boolean
}

/**
 * Reads scalars, images, texts and histograms from whole records of a file of events, as many as there are: TFRecord with an `Event` each
 * (tensorflow/core/util/event.proto, tensorflow/core/lib/io/record_writer.h). What is not whole yet is left for later.
 * Graphs, sound and all else are passed over.
 */
export function readEventRecords(piece: Buffer): EventsRead {
  const read: EventsRead = { scalars: [], media: [], readBytes: 0, nextBytes: undefined, damaged: false }
  while (piece.length - read.readBytes >= headBytes) {
    const start = read.readBytes
    if (maskedCrc(piece.subarray(start, start + 8)) !== piece.readUInt32LE(start + 8)) {
      return { ...read, nextBytes: undefined, damaged: true }
    }
    const length = Number(piece.readBigUInt64LE(start))
    read.nextBytes = headBytes + length + 4
    if (piece.length - start < read.nextBytes) return read
    const record = piece.subarray(start + headBytes, start + headBytes + length)
    if (!readEvent(record, read)) return { ...read, nextBytes: undefined, damaged: true }
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
function readEvent(record: Buffer, read: EventsRead): boolean {
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
  return values.every((bytes) => readValue(bytes, { at, step }, read))
}

/** `Summary.Value`: 1 tag, 2 simple_value, 4 image, 5 histo, 8 tensor, 9 metadata. */
function readValue(bytes: Buffer, event: { at: number; step: number }, { scalars, media }: EventsRead): boolean {
  let [tag, plugin] = ['', '']
  let value: number | undefined
  let tensor: Buffer | undefined
  let found: Pick<EventMedia, 'kind' | 'body'> | undefined
  const isWhole = eachField(bytes, (part) => {
    if (part.number === 1 && part.wire === 2) tag = part.bytes.toString('utf8')
    if (part.number === 2 && part.wire === 5) value = shortest(part.bytes.readFloatLE())
    if (part.wire !== 2) return true
    if (part.number === 4) found = imageOf(partsOf(part.bytes, 4)[0])
    if (part.number === 5) found = histogramOf(part.bytes)
    if (part.number === 8) tensor = part.bytes
    // `SummaryMetadata`: 1 plugin_data, which has 1 plugin_name.
    if (part.number === 9) plugin = partsOf(partsOf(part.bytes, 1)[0] ?? none, 1)[0]?.toString('utf8') ?? ''
    return true
  })
  if (tensor) {
    value = numberOf(tensor)
    found = mediaOf(tensor, plugin)
  }
  // Sessions of hyperparameters are written as values too.
  if (tag === '' || tag.startsWith('_hparams_/')) return isWhole
  if (value !== undefined) scalars.push({ ...event, tag, value })
  if (found) media.push({ ...event, tag, ...found })
  return isWhole
}

const none = Buffer.alloc(0)

/** What fields of a message with this number hold. */
function partsOf(message: Buffer, wanted: number): Buffer[] {
  const parts: Buffer[] = []
  eachField(message, ({ number, wire, bytes }) => {
    if (number === wanted && wire === 2) parts.push(bytes)
    return true
  })
  return parts
}

/** Only what a browser shows by itself, told by how it begins. */
function imageOf(encoded: Buffer | undefined): Pick<EventMedia, 'kind' | 'body'> | undefined {
  return encoded && endingOf(encoded) !== undefined ? { kind: 'image', body: encoded } : undefined
}

/** The ending of a file with such an image: PNG, JPEG or GIF. */
export function endingOf(image: Buffer): 'png' | 'jpg' | 'gif' | undefined {
  const begin = image.toString('latin1', 0, 4)
  if (begin === '\x89PNG') return 'png'
  if (begin.startsWith('\xff\xd8\xff')) return 'jpg'
  return begin === 'GIF8' ? 'gif' : undefined
}

/** `HistogramProto`: 1 min, 6 bucket_limit and 7 bucket, which are packed. */
function histogramOf(message: Buffer): Pick<EventMedia, 'kind' | 'body'> | undefined {
  let least = Number.NaN
  eachField(message, ({ number, wire, bytes }) => {
    if (number === 1 && wire === 1) least = bytes.readDoubleLE()
    return true
  })
  const [limits = [], counts = []] = [6, 7].map((number) => partsOf(message, number).flatMap(doublesOf))
  return histogram(least, limits, counts)
}

function histogram(least: number, limits: number[], counts: number[]) {
  const isOne = limits.length > 0 && limits.length === counts.length && limits.length <= mostBuckets
  if (!isOne || ![...limits, ...counts].every(Number.isFinite)) return undefined
  const begin = Number.isFinite(least) ? least : limits[0]!
  const body: EventHistogram = { least: begin, limits, counts }
  return { kind: 'histogram' as const, body: Buffer.from(JSON.stringify(body)) }
}

/** TensorBoard's own writers have some hundred. */
const mostBuckets = 10_000

const doublesOf = (bytes: Buffer): number[] =>
  Array.from({ length: Math.floor(bytes.length / 8) }, (_, at) => bytes.readDoubleLE(at * 8))

const floatsOf = (bytes: Buffer): number[] =>
  Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => bytes.readFloatLE(at * 4))

/**
 * What TensorFlow 2 writes as tensors, by the part of TensorBoard that shows it: `images` has width, height and images,
 * `text` has texts, `histograms` rows of left, right and count (tensorboard/plugins, `summary_v2.py`).
 */
function mediaOf(tensor: Buffer, plugin: string): Pick<EventMedia, 'kind' | 'body'> | undefined {
  // 8 string_val
  if (plugin === 'images') return imageOf(partsOf(tensor, 8)[2])
  if (plugin === 'text') {
    const texts = partsOf(tensor, 8)
    return texts.length === 0 ? undefined : { kind: 'text', body: Buffer.from(texts.join('\n\n')) }
  }
  if (plugin !== 'histograms') return undefined
  let isFloat = false
  eachField(tensor, ({ number, value }) => {
    if (number === 1) isFloat = value === 1
    return true
  })
  const numbers = partsOf(tensor, 4).flatMap(isFloat ? floatsOf : doublesOf)
  const rows = Array.from({ length: Math.floor(numbers.length / 3) }, (_, at) => numbers.slice(at * 3, at * 3 + 3))
  const limits = rows.map(([, right = 0]) => right)
  const counts = rows.map(([, , count = 0]) => count)
  return histogram(rows[0]?.[0] ?? Number.NaN, limits, counts)
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
export function maskedCrc(bytes: Uint8Array): number {
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
