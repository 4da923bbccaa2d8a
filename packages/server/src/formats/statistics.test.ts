import { expect, test } from 'vitest'
import { statisticsOf } from './statistics.ts'

test('values come to what the textbook says, whatever their order and size', () => {
  expect(statisticsOf([])).toBeUndefined()
  expect(statisticsOf([1])).toBeUndefined()
  for (const values of [
    [2, 4, 4, 4, 5, 5, 7, 9],
    [9, 7, 5, 5, 4, 4, 4, 2],
  ]) {
    const { mean, variance, deviation, ...exact } = statisticsOf(values)!
    expect(exact).toEqual({ count: 8, min: 2, max: 9, median: 4.5 })
    expect([mean, variance, deviation].map((one) => Number(one.toFixed(12)))).toEqual([5, 4, 2])
  }
  expect(statisticsOf([-1, 0, 10])).toMatchObject({ median: 0, mean: 3 })
  // Where sums of squares would lose all digits.
  expect(statisticsOf([1e9 + 1, 1e9 + 2, 1e9 + 3])?.variance).toBeCloseTo(2 / 3, 6)
})
