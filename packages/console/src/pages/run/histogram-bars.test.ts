import { expect, test } from 'vitest'
import { barsOf } from './histogram-bars.ts'

test('buckets that hold something are bars, as high as they are dense', () => {
  expect(barsOf({ least: 0, limits: [1, 2, 4, 5], counts: [0, 3, 4, 0] })).toEqual([
    { from: 1, to: 2, count: 3, density: 3 },
    { from: 2, to: 4, count: 4, density: 2 },
  ])
  expect(barsOf({ least: 3, limits: [3], counts: [8] })).toEqual([{ from: 2.5, to: 3.5, count: 8, density: 8 }])
  expect(barsOf({ least: 0, limits: [1], counts: [0] })).toEqual([])
})

test('of many buckets some are put together, and none is lost', () => {
  const limits = Array.from({ length: 1000 }, (_, at) => at + 1)
  const bars = barsOf({ least: 0, limits, counts: limits.map(() => 1) })
  expect(bars.length).toBeLessThanOrEqual(60)
  expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(1000)
})
