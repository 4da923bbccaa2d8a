import { bytesOfType, type Found, Weights } from './found.ts'
import { bounds, countOf, FormatError, isRecord, type ModelFile, parseObject, shown } from './reader.ts'

/** Types of https://github.com/huggingface/safetensors, as others call them. */
const types: Record<string, string> = {
  BOOL: 'bool',
  U8: 'uint8',
  I8: 'int8',
  U16: 'uint16',
  I16: 'int16',
  U32: 'uint32',
  I32: 'int32',
  U64: 'uint64',
  I64: 'int64',
  F8_E4M3: 'float8e4m3fn',
  F8_E5M2: 'float8e5m2',
  F16: 'float16',
  BF16: 'bfloat16',
  F32: 'float32',
  F64: 'float64',
}

/** Reads the headers of files of safetensors; a model may be cut into several. The tensors themselves are not read. */
export async function readSafetensors(files: readonly ModelFile[]): Promise<Found> {
  const weights = new Weights()
  const details: Record<string, string> = {}
  for (const file of files) {
    const { header, dataBytes } = await readHeader(file)
    for (const [name, entry] of Object.entries(header)) {
      if (name === '__metadata__') Object.assign(details, textsOf(entry))
      else addTensor(file, weights, name, entry, dataBytes)
    }
    if (weights.count > bounds.items) throw new FormatError(file.path, `it names more than ${bounds.items} tensors`)
  }
  return { format: 'safetensors', weights, details }
}

async function readHeader(file: ModelFile) {
  const begin = await file.read(0, 8)
  if (begin.length < 8) throw new FormatError(file.path, 'it ends too early')
  const length = begin.readBigUInt64LE()
  if (length > BigInt(file.sizeBytes - 8))
    throw new FormatError(file.path, 'its header says that it is longer than the file')
  if (length > BigInt(bounds.headerBytes)) throw new FormatError(file.path, 'its header is far too long')
  const bytes = await file.read(8, Number(length))
  return { header: parseObject(file, bytes.toString('utf8')), dataBytes: file.sizeBytes - 8 - Number(length) }
}

function addTensor(file: ModelFile, weights: Weights, name: string, entry: unknown, dataBytes: number): void {
  const lies = (reason: string) => new FormatError(file.path, `of the tensor ${shown(name, 100)}, ${reason}`)
  if (!isRecord(entry)) throw lies('its header says nothing')
  const { dtype, shape, data_offsets: offsets } = entry
  if (typeof dtype !== 'string' || !isLengths(shape) || !isLengths(offsets) || offsets.length !== 2) {
    throw lies('type, shape or place are damaged')
  }
  const [start = 0, end = 0] = offsets
  if (start > end || end > dataBytes) throw lies('the place is outside the file')
  const type = types[dtype] ?? dtype.toLowerCase()
  const valueBytes = bytesOfType(type)
  const count = countOf(shape)
  if (valueBytes !== null && (count === null || count * valueBytes !== end - start)) {
    throw lies('shape and size do not fit')
  }
  weights.add({ name: shown(name), type, shape, parameters: count, sizeBytes: end - start })
}

const isLengths = (value: unknown): value is number[] =>
  Array.isArray(value) &&
  value.length <= bounds.dimensions &&
  value.every((length) => typeof length === 'number' && Number.isSafeInteger(length) && length >= 0)

function textsOf(entry: unknown): Record<string, string> {
  if (!isRecord(entry)) return {}
  const texts = Object.entries(entry).filter(([, value]) => typeof value === 'string')
  return Object.fromEntries(
    texts.slice(0, 100).map(([name, value]) => [shown(name, 100), shown(value as string, 1000)]),
  )
}
