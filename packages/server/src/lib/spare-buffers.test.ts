import { expect, test } from 'vitest'
import { SpareBuffers } from './spare-buffers.ts'

test('a buffer that was given back is lent again, one at a time', () => {
  const spares = new SpareBuffers(100, 2)
  const first = spares.take(60)
  expect(first).toHaveLength(100)
  spares.give(first)
  expect(spares.take(100)).toBe(first)
  expect(spares.take(100)).not.toBe(first)
})

test('no more are kept than said, and none of another size', () => {
  const spares = new SpareBuffers(100, 1)
  const [one, two, large] = [spares.take(1), spares.take(1), spares.take(101)]
  expect(large).toHaveLength(101)
  for (const buffer of [large, one, two]) spares.give(buffer)
  expect(spares.take(1)).toBe(one)
  expect([two, large]).not.toContain(spares.take(1))
})
