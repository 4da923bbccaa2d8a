import { isUtf8 } from 'node:buffer'
import { unpackStrings } from './strings.ts'
import { type DataType, dataTypes, type Tensor } from './types.ts'

export interface JsonForm {
  /** NaN and the infinities as TensorFlow Serving writes them, which is no JSON, or as their names in quotes. */
  special: 'bare' | 'quoted'
  /** Byte strings always as `{"b64": …}`; else only those that are no text. */
  base64?: boolean
}

/** The text of each value of a tensor, in order. Floats have the fewest digits that tell them from their neighbours. */
export function valueTexts(tensor: Tensor, form: JsonForm): string[] {
  const { type, bytes } = tensor
  if (type === 'string') return (unpackStrings(bytes) ?? []).map((value) => stringText(value, form))
  if (type === 'bool') return Array.from(bytes, (value) => (value === 0 ? 'false' : 'true'))
  if (type === 'int64') return Array.from(new BigInt64Array(...aligned(tensor)), String)
  if (type === 'uint64') return Array.from(new BigUint64Array(...aligned(tensor)), String)
  const values = numbersOf(tensor)
  const texts: string[] = Array.from({ length: values.length })
  const short = type === 'float32' || type === 'float16' ? shortest : (value: number) => value
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!
    texts[at] = Number.isFinite(value) ? `${short(value)}` : form.special === 'bare' ? `${value}` : `"${value}"`
  }
  return texts
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

/** Puts texts of values into lists by a shape: `[[1,2],[3,4]]`. */
export function nest(texts: readonly string[], shape: readonly number[]): string {
  let at = 0
  const build = (axis: number): string => {
    if (axis === shape.length) return texts[at++] ?? 'null'
    const length = shape[axis]!
    if (axis === shape.length - 1) {
      at += length
      return `[${texts.slice(at - length, at).join(',')}]`
    }
    const parts: string[] = []
    for (let index = 0; index < length; index++) parts.push(build(axis + 1))
    return `[${parts.join(',')}]`
  }
  return build(0)
}

/** A tensor as nested lists. */
export const toJson = (tensor: Tensor, form: JsonForm): string => nest(valueTexts(tensor, form), tensor.shape)

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
  let scale = 10 ** (6 - Math.floor(Math.log10(size)))
  for (let digits = 7; digits <= 9; digits++, scale *= 10) {
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
