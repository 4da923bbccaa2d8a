import { expect, test } from 'vitest'
import { makeAxis } from './value-axis.ts'

const labels = (values: (number | string | undefined)[], isLog?: boolean) =>
  makeAxis(values, String, isLog).ticks.map(({ label }) => label)

test('numbers stand by their size, with round ones at the ticks', () => {
  const axis = makeAxis([0, 10, undefined], String)
  expect(axis.place(5)).toBe(0.5)
  expect(axis.place(undefined)).toBeUndefined()
  expect(axis.place(Number.NaN)).toBeUndefined()
  expect(axis.textAt(0.25)).toBe('2.5')
  expect(labels([0, 10])).toEqual(['0', '2', '4', '6', '8', '10'])
  expect(labels([0.1, 0.3])).toEqual(['0.1', '0.15', '0.2', '0.25', '0.3'])
})

test('numbers far apart stand by their powers of ten; what is not above 0 has no place there', () => {
  const axis = makeAxis([1e-4, 1e-1], String)
  expect(axis.place(1e-3)).toBeCloseTo(1 / 3, 10)
  expect(labels([1e-4, 1e-1])).toEqual(['0.0001', '0.001', '0.01', '0.1'])
  expect(makeAxis([0, 1, 100], String, true).place(0)).toBeUndefined()
  expect(makeAxis([0, 1, 100], String, true).place(10)).toBeCloseTo(0.5, 10)
})

test('words stand in order, apart by the same; one value stands in the middle', () => {
  const axis = makeAxis(['b', 'a', 'c', 2], String)
  expect(['2', 'a', 'b', 'c'].map((word) => axis.place(word))).toEqual([0, 1 / 3, 2 / 3, 1])
  expect(axis.textAt(0.3)).toBe('a')
  expect(makeAxis([7, 7], String).place(7)).toBe(0.5)
  expect(makeAxis(['only'], String).place('only')).toBe(0.5)
  expect(makeAxis([], String).ticks).toEqual([])
})
