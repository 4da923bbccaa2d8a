import { badInput } from '../errors.ts'
import { limits } from '../limits.ts'
import { packStrings } from './strings.ts'
import { countOf, type DataType, dataTypes, fits, specText, type Tensor, type TensorSpec } from './types.ts'

/**
 * A tensor of nested lists, as JSON has them. NaN and the infinities are numbers or their names in quotes; integers of 64
 * bits that a double cannot hold are digits in quotes; strings are text or `{"b64": …}`.
 *
 * @param most - how many values there can be at most: as many as the body has bytes
 * @throws ServeError that says what was expected, and where it is not
 */
export function fromJson(spec: TensorSpec, value: unknown, most: number): Tensor {
  const shape = shapeOf(value)
  if (!fits(shape, spec.shape)) throw mismatch(spec, `got ${specText({ ...spec, shape })}`)
  return { name: spec.name, type: spec.type, shape, bytes: fill(spec, value, shape, most) }
}

/** Lists taken as one line of values, of a shape that is told beside them; they may be nested nevertheless. */
export function fromFlatJson(spec: TensorSpec, value: unknown, shape: number[], most: number): Tensor {
  const there = shapeOf(value)
  const count = countOf(shape)
  if (countOf(there) !== count) {
    throw mismatch(spec, `data has ${countOf(there)} values, and the shape [${shape.join(', ')}] needs ${count}`)
  }
  return { name: spec.name, type: spec.type, shape, bytes: fill(spec, value, there, most) }
}

/** Lengths of nested lists, by the first of each. */
export function shapeOf(value: unknown): number[] {
  const shape: number[] = []
  for (let at = value; Array.isArray(at); at = at[0]) {
    shape.push(at.length)
    if (shape.length > limits.tensorDimensions)
      throw badInput(`lists are nested more than ${limits.tensorDimensions} deep`)
  }
  return shape
}

/** Whether it stands for bytes: `{"b64": "…"}`. */
export const isBase64 = (value: unknown): value is { b64: string } =>
  typeof value === 'object' &&
  value !== null &&
  'b64' in value &&
  typeof value.b64 === 'string' &&
  Object.keys(value).length === 1

interface Filled {
  bytes: Uint8Array
  /** Writes one value; false: it is none of this type. */
  write(value: unknown, at: number): boolean
}

function fill(spec: TensorSpec, value: unknown, shape: readonly number[], most: number): Uint8Array {
  const count = countOf(shape)
  if (count > most) throw mismatch(spec, 'lists of one level differ in length')
  if (spec.type === 'string') return packStrings(texts(spec, value, shape))
  const { bytes, write } = arrays[spec.type](count)
  let at = 0
  const walk = (part: unknown, axis: number): void => {
    if (axis === shape.length) {
      if (!write(part, at)) throw notOfType(spec, part, at, shape)
      at += 1
      return
    }
    if (!Array.isArray(part) || part.length !== shape[axis]) throw ragged(spec, part, axis, shape)
    if (axis + 1 < shape.length) for (const item of part) walk(item, axis + 1)
    else {
      for (let index = 0; index < part.length; index++, at++) {
        if (!write(part[index], at)) throw notOfType(spec, part[index], at, shape)
      }
    }
  }
  walk(value, 0)
  return bytes
}

function texts(spec: TensorSpec, value: unknown, shape: readonly number[]): Uint8Array[] {
  const found: Uint8Array[] = []
  const walk = (part: unknown, axis: number): void => {
    if (axis === shape.length) {
      if (typeof part === 'string') found.push(Buffer.from(part))
      else if (isBase64(part)) found.push(Buffer.from(part.b64, 'base64'))
      else throw notOfType(spec, part, found.length, shape)
    } else if (!Array.isArray(part) || part.length !== shape[axis]) throw ragged(spec, part, axis, shape)
    else for (const item of part) walk(item, axis + 1)
  }
  walk(value, 0)
  return found
}

const named: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity, '-Infinity': -Infinity }

type FloatArray = Float16Array | Float32Array | Float64Array

function floats(values: FloatArray, most: number): Filled {
  const write = (value: unknown, at: number): boolean => {
    if (typeof value === 'number' && value <= most && value >= -most) {
      values[at] = value
      return true
    }
    const special = typeof value === 'string' && Object.hasOwn(named, value) ? named[value] : value
    if (typeof special !== 'number' || Number.isFinite(special)) return false
    values[at] = special
    return true
  }
  return { bytes: bytesOf(values), write }
}

type IntegerArray = Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array

function integers(values: IntegerArray, least: number, most: number): Filled {
  const write = (value: unknown, at: number): boolean => {
    if (typeof value !== 'number' || value < least || value > most || !Number.isInteger(value)) return false
    values[at] = value
    return true
  }
  return { bytes: bytesOf(values), write }
}

/** Written as two halves where a double holds the value, which takes no number of arbitrary length. */
function longs(values: BigInt64Array | BigUint64Array, least: bigint, most: bigint): Filled {
  const halves = new Int32Array(values.buffer)
  const write = (value: unknown, at: number): boolean => {
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value) || (value < 0 && least === 0n)) return false
      halves[at * 2] = value
      halves[at * 2 + 1] = Math.floor(value / 2 ** 32)
      return true
    }
    if (typeof value !== 'string' || !/^-?\d{1,20}$/.test(value)) return false
    const exact = BigInt(value)
    if (exact < least || exact > most) return false
    values[at] = exact
    return true
  }
  return { bytes: bytesOf(values), write }
}

function booleans(values: Uint8Array): Filled {
  const write = (value: unknown, at: number): boolean => {
    if (value !== true && value !== false && value !== 0 && value !== 1) return false
    values[at] = Number(value)
    return true
  }
  return { bytes: values, write }
}

const arrays: Record<Exclude<DataType, 'string'>, (count: number) => Filled> = {
  bool: (count) => booleans(new Uint8Array(count)),
  int8: (count) => integers(new Int8Array(count), -128, 127),
  int16: (count) => integers(new Int16Array(count), -32_768, 32_767),
  int32: (count) => integers(new Int32Array(count), -(2 ** 31), 2 ** 31 - 1),
  int64: (count) => longs(new BigInt64Array(count), -(2n ** 63n), 2n ** 63n - 1n),
  uint8: (count) => integers(new Uint8Array(count), 0, 255),
  uint16: (count) => integers(new Uint16Array(count), 0, 65_535),
  uint32: (count) => integers(new Uint32Array(count), 0, 2 ** 32 - 1),
  uint64: (count) => longs(new BigUint64Array(count), 0n, 2n ** 64n - 1n),
  // The largest finite value, and half a step more, which is rounded down to it.
  float16: (count) => floats(new Float16Array(count), 65_519.999),
  float32: (count) => floats(new Float32Array(count), 3.4028235677973362e38),
  float64: (count) => floats(new Float64Array(count), Number.MAX_VALUE),
}

const bytesOf = (values: { buffer: ArrayBufferLike; byteLength: number }): Uint8Array =>
  new Uint8Array(values.buffer, 0, values.byteLength)

const mismatch = (spec: TensorSpec, text: string) => badInput(`input ${spec.name}: expected ${specText(spec)}, ${text}`)

function ragged(spec: TensorSpec, part: unknown, axis: number, shape: readonly number[]): Error {
  const got = Array.isArray(part) ? `a list of ${part.length}` : glimpse(part)
  return mismatch(
    spec,
    `where a list of ${shape[axis]} belongs there is ${got}: lists of one level must be equally long`,
  )
}

function notOfType(spec: TensorSpec, value: unknown, at: number, shape: readonly number[]): Error {
  const place = placeOf(at, shape)
  const hint =
    typeof value === 'number' && dataTypes[spec.type].bytes === 8 && Number.isInteger(value)
      ? ': a number so large must be digits in quotes, or come as a binary tensor'
      : ''
  return mismatch(spec, `${place === '' ? '' : `at ${place} `}there is ${glimpse(value)}${hint}`)
}

function placeOf(at: number, shape: readonly number[]): string {
  let rest = at
  const indices = shape.toReversed().map((length) => {
    const index = rest % length
    rest = Math.floor(rest / length)
    return `[${index}]`
  })
  return indices.toReversed().join('')
}

/** The beginning of a value, for messages. */
function glimpse(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 40 ? `${text.slice(0, 37)}…` : text
}
