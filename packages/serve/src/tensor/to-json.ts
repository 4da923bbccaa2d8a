import { isUtf8 } from 'node:buffer'
import { unpackStrings } from './strings.ts'
import { countOf, type DataType, dataTypes, type Tensor } from './types.ts'

export interface JsonForm {
  /** NaN and the infinities as TensorFlow Serving writes them, which is no JSON, or as their names in quotes. */
  special: 'bare' | 'quoted'
  /** Byte strings always as `{"b64": …}`; else only those that are no text. */
  base64?: boolean
}

/** Values of a tensor as text, where they stand. */
interface Texts {
  one(at: number): string
  /** With brackets. */
  list(from: number, to: number): string
}

/** A tensor as nested lists, or the same values in another shape. Floats have the fewest digits that are the value. */
export function toJson(tensor: Tensor, form: JsonForm, shape: readonly number[] = tensor.shape): string {
  return nest(textsOf(tensor, form), shape, 0)
}

/** What each index of the first dimension has, as nested lists. */
export function rowsToJson(tensor: Tensor, form: JsonForm): string[] {
  const [count = 1, ...rest] = tensor.shape
  const texts = textsOf(tensor, form)
  const each = countOf(rest)
  return Array.from({ length: count }, (_, row) => nest(texts, rest, row * each))
}

function nest(texts: Texts, shape: readonly number[], begin: number): string {
  let at = begin
  const build = (axis: number): string => {
    if (axis === shape.length) return texts.one(at++)
    const length = shape[axis]!
    if (axis === shape.length - 1) {
      at += length
      return texts.list(at - length, at)
    }
    const parts: string[] = []
    for (let index = 0; index < length; index++) parts.push(build(axis + 1))
    return `[${parts.join(',')}]`
  }
  return build(0)
}

function textsOf(tensor: Tensor, form: JsonForm): Texts {
  const numbers = plainNumbers(tensor)
  if (numbers !== null) {
    // Three times as fast as putting texts together, value by value.
    return { one: (at) => String(numbers[at]), list: (from, to) => JSON.stringify(numbers.slice(from, to)) }
  }
  const texts = valueTexts(tensor, form)
  return { one: (at) => texts[at]!, list: (from, to) => `[${texts.slice(from, to).join(',')}]` }
}

/** Values that JSON has as they are; null where one is none such. */
function plainNumbers(tensor: Tensor): number[] | null {
  const { type } = tensor
  if (type === 'string' || type === 'bool' || type === 'int64' || type === 'uint64') return null
  const values = numbersOf(tensor)
  const short = type === 'float32' || type === 'float16'
  const numbers: number[] = Array.from({ length: values.length })
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!
    if (!Number.isFinite(value)) return null
    numbers[at] = short ? shortest(value) : value
  }
  return numbers
}

/** The text of each value of a tensor, in order. */
export function valueTexts(tensor: Tensor, form: JsonForm): string[] {
  const { type, bytes } = tensor
  if (type === 'string') return (unpackStrings(bytes) ?? []).map((value) => stringText(value, form))
  if (type === 'bool') return Array.from(bytes, (value) => (value === 0 ? 'false' : 'true'))
  if (type === 'int64') return Array.from(new BigInt64Array(...aligned(tensor)), String)
  if (type === 'uint64') return Array.from(new BigUint64Array(...aligned(tensor)), String)
  const short = type === 'float32' || type === 'float16' ? shortest : (value: number) => value
  return Array.from(numbersOf(tensor), (value) =>
    Number.isFinite(value) ? `${short(value)}` : form.special === 'bare' ? `${value}` : `"${value}"`,
  )
}

type Place = [buffer: ArrayBuffer, at: number, length: number]

const readers: Record<Exclude<DataType, 'bool' | 'string'>, (...place: Place) => ArrayLike<number>> = {
  int8: (...place) => new Int8Array(...place),
  int16: (...place) => new Int16Array(...place),
  int32: (...place) => new Int32Array(...place),
  int64: (...place) => Float64Array.from(new BigInt64Array(...place), Number),
  uint8: (...place) => new Uint8Array(...place),
  uint16: (...place) => new Uint16Array(...place),
  uint32: (...place) => new Uint32Array(...place),
  uint64: (...place) => Float64Array.from(new BigUint64Array(...place), Number),
  float16: (...place) => new Float16Array(...place),
  float32: (...place) => new Float32Array(...place),
  float64: (...place) => new Float64Array(...place),
}

/** The values of a tensor as numbers, which for integers of 64 bits may round. Strings have none. */
export function numbersOf(tensor: Tensor): ArrayLike<number> {
  if (tensor.type === 'string') return []
  return tensor.type === 'bool' ? tensor.bytes : readers[tensor.type](...aligned(tensor))
}

function stringText(value: Uint8Array, { base64 = false }: JsonForm): string {
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (base64 || !isUtf8(buffer)) return `{"b64":"${buffer.toString('base64')}"}`
  return JSON.stringify(buffer.toString())
}

/** Where a typed array can look at the bytes; they are copied only if they begin at an odd place. */
function aligned({ type, bytes }: Tensor): Place {
  const each = dataTypes[type].bytes
  const at = bytes.byteOffset % each === 0 ? bytes : Uint8Array.from(bytes)
  return [at.buffer as ArrayBuffer, at.byteOffset, at.byteLength / each]
}

/**
 * The double with the fewest digits that is this float32: 0.1 and not 0.10000000149011612. Nine digits are always enough
 * (Goldberg, "What Every Computer Scientist Should Know About Floating-Point Arithmetic", theorem 15).
 */
function shortest(value: number): number {
  const size = Math.abs(value)
  if (size < 1e9 && Number.isInteger(value)) return value
  if (size < 1e-9 || size > 1e9) return byText(value)
  // Digits before the point, less one, by comparing: a logarithm takes twice as long.
  let places = 6
  for (let rest = size; rest >= 10; rest /= 10) places -= 1
  for (let rest = size; rest < 1; rest *= 10) places += 1
  for (let more = 0; more < 3; more++) {
    const scale = 10 ** (places + more)
    const rounded = Math.round(value * scale) / scale
    if (Math.fround(rounded) === value) return rounded
  }
  return value
}

function byText(value: number): number {
  for (let digits = 7; digits <= 9; digits++) {
    const rounded = Number(value.toPrecision(digits))
    if (Math.fround(rounded) === value) return rounded
  }
  return value
}
