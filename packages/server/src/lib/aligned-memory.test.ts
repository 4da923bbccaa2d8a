import { expect, test } from 'vitest'
import { alignedMemory, blockBytes, isAligned } from './aligned-memory.ts'

test('memory that begins at a page is known, also parts of it, and other memory is not', () => {
  const memory = alignedMemory(10_000)
  expect(memory).toHaveLength(10_000)
  expect(isAligned(memory.subarray(0, 5000))).toBe(true)
  expect(isAligned(memory.subarray(blockBytes))).toBe(true)
  expect(isAligned(memory.subarray(1))).toBe(false)
  expect(isAligned(Buffer.allocUnsafeSlow(blockBytes))).toBe(false)
})
