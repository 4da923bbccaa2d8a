import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chunkLength, chunkSizes } from './chunker.ts'

/** Bytes that look random and are always the same: a linear congruential generator (Numerical Recipes). */
function fixedBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    bytes[index] = state >>> 24
  }
  return bytes
}

function lengths(bytes: Uint8Array): number[] {
  const found: number[] = []
  for (let start = 0; start < bytes.length; start += found.at(-1)!) found.push(chunkLength(bytes, start))
  return found
}

function hashesOf(bytes: Buffer): string[] {
  let start = 0
  return lengths(bytes).map((length) => {
    const hash = createHash('sha256').update(bytes.subarray(start, start + length))
    start += length
    return hash.digest('hex')
  })
}

describe('cuts', () => {
  const bytes = fixedBytes(12 * 1024 * 1024)

  // Client and server of different versions must cut alike: if this fails, what was changed is the protocol.
  test('are where they always were', () => {
    expect(lengths(bytes)).toEqual([
      575768, 442795, 254190, 569053, 733271, 161131, 570265, 548026, 433512, 703622, 603047, 554982, 562730, 587257,
      602602, 681018, 576970, 698674, 893453, 553974, 439407, 133981, 555167, 148017,
    ])
  })

  test('lie within the bounds, but for the last', () => {
    const all = lengths(bytes)
    expect(all.reduce((sum, length) => sum + length, 0)).toBe(bytes.length)
    for (const length of all.slice(0, -1)) {
      expect(length).toBeGreaterThan(chunkSizes.minBytes)
      expect(length).toBeLessThanOrEqual(chunkSizes.maxBytes)
    }
  })

  test.each([
    ['nothing', 0, []],
    ['one byte', 1, [1]],
    ['the least size', chunkSizes.minBytes, [chunkSizes.minBytes]],
    ['zeros', 2 * chunkSizes.maxBytes + 5, [chunkSizes.maxBytes, chunkSizes.maxBytes, 5]],
  ])('of %s', (_, length, expected) => {
    expect(lengths(Buffer.alloc(length))).toEqual(expected)
  })

  test('do not depend on what lies around the bytes', () => {
    const around = Buffer.concat([fixedBytes(333, 7), bytes.subarray(0, 2 * chunkSizes.maxBytes), fixedBytes(99, 9)])
    const end = 333 + 2 * chunkSizes.maxBytes
    expect(chunkLength(around, 333, end)).toBe(chunkLength(bytes, 0))
  })

  // A chunk that ends at its largest size, and not where the content says so, is rare but may carry a change on.
  test('of all but two chunks stay when a byte is inserted, removed or changed', () => {
    const before = new Set(hashesOf(bytes))
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.constantFrom('inserted', 'removed', 'changed'), (at, how) => {
        const middle = how === 'removed' ? Buffer.alloc(0) : Buffer.of((bytes[at]! + 1) & 255)
        const behind = bytes.subarray(how === 'inserted' ? at : at + 1)
        const after = hashesOf(Buffer.concat([bytes.subarray(0, at), middle, behind]))
        const changed = after.filter((hash) => !before.has(hash))
        expect(changed.length).toBeGreaterThan(0)
        expect(changed.length).toBeLessThanOrEqual(2)
      }),
      { numRuns: 12, seed: 5 },
    )
  })
})
