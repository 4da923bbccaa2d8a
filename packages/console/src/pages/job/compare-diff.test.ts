import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aroundChanges, diffLines } from './compare-diff.ts'

test('says what is in which text', () => {
  expect(diffLines(['a', 'b', 'c'], ['a', 'x', 'c'])).toEqual([
    { in: 'both', text: 'a', first: 1, second: 1 },
    { in: 'first', text: 'b', first: 2 },
    { in: 'second', text: 'x', second: 2 },
    { in: 'both', text: 'c', first: 3, second: 3 },
  ])
  expect(diffLines([], ['a'])).toEqual([{ in: 'second', text: 'a', second: 1 }])
  expect(diffLines(['a'], ['a'])?.every((line) => line.in === 'both')).toBe(true)
})

test('both texts can be read from it again, with their numbers', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 })
  fc.assert(
    fc.property(text, text, (first, second) => {
      const lines = diffLines(first, second)!
      expect(lines.filter((line) => line.in !== 'second').map((line) => line.text)).toEqual(first)
      expect(lines.filter((line) => line.in !== 'first').map((line) => line.text)).toEqual(second)
      for (const line of lines) {
        if (line.first !== undefined) expect(first[line.first - 1]).toBe(line.text)
        if (line.second !== undefined) expect(second[line.second - 1]).toBe(line.text)
      }
    }),
  )
})

test('gives up where nearly all is different, and leaves out what is far from changes', () => {
  const many = (name: string) => Array.from({ length: 3000 }, (_, place) => `${name} ${place}`)
  expect(diffLines(many('a'), many('b'))).toBeUndefined()
  const lines = diffLines(many('a'), many('a').with(1500, 'new'))!
  expect(aroundChanges(lines)).toHaveLength(9)
})
