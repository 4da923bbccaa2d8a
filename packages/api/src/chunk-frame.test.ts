import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FrameHead, frameHeadBytes, maxChunkBytes, readFrameHead, writeFrameHead } from './chunk-frame.ts'

const heads: fc.Arbitrary<FrameHead> = fc.record({
  hash: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  sizeBytes: fc.nat(maxChunkBytes),
  storedBytes: fc.nat(0x7fff_ffff),
  compressed: fc.boolean(),
})

test('a head is read as it was written, wherever it stands', () => {
  fc.assert(
    fc.property(heads, fc.nat(50), (head, offset) => {
      // A buffer that begins in the middle of its memory, as those of Node do.
      const bytes = new Uint8Array(new ArrayBuffer(200), 30, 150).fill(0xee)
      writeFrameHead(bytes, offset, head)
      expect(readFrameHead(bytes, offset)).toEqual(head)
      expect(bytes[offset + frameHeadBytes]).toBe(0xee)
      if (offset > 0) expect(bytes[offset - 1]).toBe(0xee)
    }),
  )
})

test('the bytes of a head never change', () => {
  const hash = Array.from({ length: 32 }, (_, index) => index.toString(16).padStart(2, '0')).join('')
  const bytes = new Uint8Array(frameHeadBytes)
  writeFrameHead(bytes, 0, { hash, sizeBytes: 0x01020304, storedBytes: 0x0a0b0c, compressed: true })
  expect(Buffer.from(bytes).toString('hex')).toBe(`${hash}01020304800a0b0c`)
  writeFrameHead(bytes, 0, { hash, sizeBytes: 1, storedBytes: 1, compressed: false })
  expect(Buffer.from(bytes).toString('hex')).toBe(`${hash}0000000100000001`)
})
