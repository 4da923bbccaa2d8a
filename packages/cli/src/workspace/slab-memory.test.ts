import { randomBytes } from 'node:crypto'
import { chunkLength } from '@nabla/api/chunker'
import { expect, test } from 'vitest'
import { makeSlabMemory, slabBytes } from './slab-memory.ts'

/** Lengths of all chunks of the first `end` bytes. */
function lengths(end: number, next: (start: number) => number): number[] {
  const all: number[] = []
  for (let start = 0; start < end; start += all.at(-1) ?? end) all.push(next(start))
  return all
}

test('cuts where the chunker does, whatever the contents and wherever they end', () => {
  const sizeBytes = 4_000_000
  const memory = makeSlabMemory(sizeBytes)
  const contents = [randomBytes(sizeBytes), Buffer.alloc(sizeBytes), Buffer.alloc(sizeBytes, randomBytes(5000))]
  for (const bytes of contents) {
    bytes.copy(memory.bytes)
    for (const end of [1, 131_072, 131_073, 131_079, 524_291, 1_048_576, 1_048_577, 3_999_999, sizeBytes]) {
      const wanted = lengths(end, (start) => chunkLength(bytes, start, end))
      expect(lengths(end, (start) => memory.cut(start, end))).toEqual(wanted)
    }
  }
})

test('another thread finds the contents', () => {
  const memory = makeSlabMemory(100_000)
  memory.bytes.write('contents', 7)
  expect(slabBytes(memory.bytes.buffer).subarray(7, 15).toString()).toBe('contents')
})
