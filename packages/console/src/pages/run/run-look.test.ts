import { expect, test } from 'vitest'
import { looksOf } from './run-look.ts'

const ids = Array.from({ length: 21 }, (_, index) => `rn${String(index).padStart(16, '0')}`)

test('21 runs look different; those before keep their look when others come', () => {
  const all = looksOf(ids)
  expect(new Set([...all.values()].map(({ color, dash }) => `${color} ${dash}`)).size).toBe(21)
  const some = looksOf(ids.slice(0, 5))
  for (const id of ids.slice(0, 5)) expect(some.get(id)).toEqual(all.get(id))
  expect([...looksOf(ids.slice(0, 7)).values()].every(({ dash }) => dash === 0)).toBe(true)
})

test('any number of runs gets a look', () => {
  expect(looksOf(Array.from({ length: 1500 }, (_, index) => `many${index}`)).size).toBe(1500)
})
