import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromJson } from './from-json.ts'
import { rowsToJson, toJson } from './to-json.ts'
import { type DataType, dataTypes, type Tensor } from './types.ts'

const quoted = { special: 'quoted' } as const

const tensorOf = (type: DataType, values: { buffer: ArrayBufferLike; length: number }): Tensor => ({
  name: 'x',
  type,
  shape: [values.length],
  bytes: new Uint8Array(values.buffer),
})

const back = (tensor: Tensor): Tensor =>
  fromJson({ name: 'x', type: tensor.type, shape: null }, JSON.parse(toJson(tensor, quoted)), Infinity)

test('floats come back as they were, with no more digits than it takes', () => {
  fc.assert(
    fc.property(fc.float32Array(), (values) => {
      const tensor = tensorOf('float32', Float32Array.from(values))
      // NaN has many patterns of bits, and minus zero is zero in JSON.
      const plain = values.map((value) => value + 0)
      expect(new Float32Array(back(tensor).bytes.buffer)).toEqual(plain)
      for (const item of JSON.parse(toJson(tensor, quoted)) as unknown[]) {
        const digits = String(item).replaceAll(/^-|e.*$|\./g, '')
        expect(digits.replaceAll(/^0+|0+$|NaN|Infinity/g, '').length).toBeLessThanOrEqual(9)
      }
    }),
  )
  expect(toJson(tensorOf('float32', Float32Array.of(0.1, 1 / 3, 16_777_216, 1e-30, -0.007)), quoted)).toBe(
    '[0.1,0.33333334,16777216,1e-30,-0.007]',
  )
})

test('doubles, halves and integers of all sizes come back as they were', () => {
  fc.assert(
    fc.property(
      fc.float64Array({ noNaN: true }),
      fc.bigInt64Array(),
      fc.bigUint64Array(),
      fc.int32Array(),
      (a, b, c, d) => {
        const doubles = Float64Array.from(a, (value) => value + 0)
        expect(new Float64Array(back(tensorOf('float64', doubles)).bytes.buffer)).toEqual(doubles)
        for (const [type, longs] of [
          ['int64', BigInt64Array.from(b)],
          ['uint64', BigUint64Array.from(c)],
        ] as const) {
          const text = toJson(tensorOf(type, longs), quoted)
          const sent: unknown = JSON.parse(text.replaceAll(/-?\d+/g, '"$&"'))
          const { bytes } = fromJson({ name: 'x', type, shape: null }, sent, Infinity)
          expect(bytes).toEqual(new Uint8Array(longs.buffer))
        }
        const ints = Int32Array.from(d)
        expect(back(tensorOf('int32', ints)).bytes).toEqual(new Uint8Array(ints.buffer))
        const longs = BigInt64Array.from(d, BigInt)
        expect(back(tensorOf('int64', longs)).bytes).toEqual(new Uint8Array(longs.buffer))
      },
    ),
  )
})

test('any nesting comes back, and rows of it are its lists', () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 })
  fc.assert(
    fc.property(shapes, fc.constantFrom<DataType>('float32', 'int16', 'bool', 'string'), (shape, type) => {
      const count = shape.reduce((product, length) => product * length, 1)
      const bytes = type === 'string' ? new Uint8Array(count * 4) : new Uint8Array(count * dataTypes[type].bytes)
      const tensor: Tensor = { name: 'x', type, shape, bytes }
      const again = back(tensor)
      expect({ ...again, bytes: Uint8Array.from(again.bytes) }).toEqual(tensor)
      if (shape.length > 0) expect(`[${rowsToJson(tensor, quoted).join(',')}]`).toBe(toJson(tensor, quoted))
    }),
  )
})
