import { expect, test } from 'vitest'
import { smooth } from './smoothing.ts'

test('a line without change stays where it is, from its first value on', () => {
  for (const value of smooth([3, 3, 3, 3], 0.9)) expect(value).toBeCloseTo(3, 10)
})

test('what TensorBoard gives for 0, 1, 0, 1 at 0.6', () => {
  // last = 0, .4, .24, .544; divided by 1 - .6^n
  const expected = [0, 0.4 / 0.64, 0.24 / 0.784, 0.544 / 0.8704]
  for (const [place, value] of smooth([0, 1, 0, 1], 0.6).entries()) expect(value).toBeCloseTo(expected[place]!, 10)
})

test('gaps stay gaps and do not end the mean; 0 changes nothing', () => {
  expect(smooth([1, null, Number.NaN, 1], 0.5)).toEqual([1, null, null, 1])
  expect(smooth([1, 5, 2], 0)).toEqual([1, 5, 2])
})
