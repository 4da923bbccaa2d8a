import { expect, test } from 'vitest'
import { alignSeries, summarize, thinOut } from './chart-data.ts'

test('series of different times stand side by side, and a gap stays a gap', () => {
  const one = {
    id: 'a',
    label: 'a',
    points: [[1, 0, 1, 2] as const, [3, null, null, null] as const].map((p) => [...p]),
  }
  const other = { id: 'b', label: 'b', points: [[2, 5, 5, 5]] }
  expect(alignSeries([one, other] as never, false)).toEqual([
    [1, 2, 3],
    [1, undefined, null],
    [undefined, 5, undefined],
  ])
  expect(alignSeries([one] as never, true)).toEqual([
    [1, 3],
    [1, null],
    [0, null],
    [2, null],
  ])
})

test('a summary looks at the extremes, and a table at few points', () => {
  expect(
    summarize([
      [1, 0, 1, 9],
      [2, null, null, null],
      [3, 2, 3, 4],
    ]),
  ).toEqual({ min: 0, max: 9, avg: 2, last: 3 })
  expect(summarize([])).toBeUndefined()
  expect(thinOut([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4)).toEqual([0, 3, 6, 9])
})
