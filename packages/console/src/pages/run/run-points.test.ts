import type { RunPoint } from '@nabla/api/run'
import { expect, test } from 'vitest'
import { csvOfRuns, smoothed, toChart, withLive } from './run-points.ts'

const points: RunPoint[] = [
  [0, 1000, 1, 2, 3],
  [10, 2000, 'NaN', 'NaN', 'NaN'],
  [20, 3000, 4, 5, 6],
]

test('x is the step, the time since the beginning, or the time of day; what is no number is a gap and counted', () => {
  const by = (axis: 'step' | 'time' | 'clock') => toChart(points, { axis, begin: 1000 })
  expect(by('step')).toEqual({
    points: [
      [0, 1, 2, 3],
      [10, null, null, null],
      [20, 4, 5, 6],
    ],
    odd: 1,
  })
  expect(by('time').points.map(([x]) => x)).toEqual([0, 1000, 2000])
  expect(by('clock').points.map(([x]) => x)).toEqual([1000, 2000, 3000])
})

test('epochs are those of the steps that logged them, and in proportion between', () => {
  const epochs: RunPoint[] = [
    [0, 0, 0, 0, 0],
    [20, 0, 1, 1, 1],
  ]
  expect(toChart(points, { axis: 'epoch', begin: 0, epochs }).points.map(([x]) => x)).toEqual([0, 0.5, 1])
  expect(toChart(points, { axis: 'epoch', begin: 0, epochs: [] }).points).toEqual([])
})

test('what was logged since is added once', () => {
  const live = [
    [20, 3000, 5],
    [30, 4000, Number.POSITIVE_INFINITY],
  ] as const
  expect(withLive(points, live).slice(3)).toEqual([[30, 4000, 'Infinity', 'Infinity', 'Infinity']])
  expect(withLive(points, [])).toBe(points)
})

test('smoothed lines keep their gaps', () => {
  expect(
    smoothed(
      [
        [0, 1, 2, 3],
        [1, null, null, null],
      ],
      0.5,
    ),
  ).toEqual([
    [0, 2, 2, 2],
    [1, null, null, null],
  ])
})

test('as CSV each point has its run, step, time and value; what is no number stands as it is', () => {
  expect(csvOfRuns([{ id: 'ru1', name: 'cnn, wide', points }]).split('\r\n')).toEqual([
    'run,id,step,time,value,least,most',
    '"cnn, wide",ru1,0,1970-01-01T00:00:01.000Z,2,1,3',
    '"cnn, wide",ru1,10,1970-01-01T00:00:02.000Z,NaN,NaN,NaN',
    '"cnn, wide",ru1,20,1970-01-01T00:00:03.000Z,5,4,6',
    '',
  ])
})
