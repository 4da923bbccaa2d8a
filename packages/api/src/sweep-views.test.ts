import { describe, expect, test } from 'vitest'
import { seededRandom } from './forest.ts'
import { parameter, searchSpace } from './search-space.ts'
import type { Trial } from './sweep.ts'
import {
  bestSoFar,
  bestTrials,
  type ContourPoint,
  contourOf,
  evenly,
  frontOf,
  importanceOf,
  partsOf,
  placeOf,
  sliceOf,
} from './sweep-views.ts'

const trialOf = (number: number, values: Trial['values'], objectives: Trial['objectives'], state = 'complete') =>
  ({
    number,
    values,
    objectives,
    state,
    step: 1,
    reason: null,
    job: null,
    from: null,
    cost: null,
    askedAt: '',
    endedAt: '',
  }) as Trial

const loss = { metric: 'loss', direction: 'minimize' } as const
const accuracy = { metric: 'accuracy', direction: 'maximize' } as const

test('the best so far leaves out trials that failed or were stopped early', () => {
  const trials = [
    trialOf(0, {}, null, 'failed'),
    trialOf(1, {}, { loss: 3 }),
    trialOf(2, {}, { loss: 1 }, 'stopped'),
    trialOf(3, {}, { loss: 4 }),
    trialOf(4, {}, { loss: 2 }),
  ]
  expect(bestSoFar(trials, loss)).toEqual([undefined, 3, 3, 3, 2])
})

describe('the front', () => {
  test('is what comparing all with all gives', () => {
    const random = seededRandom(5)
    for (const objectives of [1, 2, 3]) {
      const costs = Array.from({ length: 200 }, () =>
        Array.from({ length: objectives }, () => Math.floor(random() * 12)),
      )
      const beats = (one: number[], other: number[]) =>
        one.every((cost, at) => cost <= other[at]!) && one.some((cost, at) => cost < other[at]!)
      const expected = costs.flatMap((own, place) => (costs.some((other) => beats(other, own)) ? [] : [place]))
      expect(frontOf(costs)).toEqual(expected)
    }
  })

  test('goes by the direction of each objective', () => {
    const trials = [
      trialOf(0, {}, { loss: 1, accuracy: 0.5 }),
      trialOf(1, {}, { loss: 2, accuracy: 0.9 }),
      trialOf(2, {}, { loss: 2, accuracy: 0.4 }),
      trialOf(3, {}, { loss: 0, accuracy: 1 }, 'stopped'),
    ]
    expect(bestTrials(trials, [loss, accuracy]).map(({ number }) => number)).toEqual([0, 1])
  })
})

test('a value has a place in the range of its parameter', () => {
  const rate = parameter.parse({ type: 'uniform', low: 0.001, high: 10, log: true })
  expect(placeOf(rate, 0.1)).toBeCloseTo(0.5)
  expect(placeOf(rate, 1000)).toBe(1)
  expect(placeOf(rate, 'x')).toBeUndefined()
  const kind = parameter.parse({ type: 'choice', values: ['a', null, 3] })
  expect([placeOf(kind, 'a'), placeOf(kind, null), placeOf(kind, 3), placeOf(kind, 'b')]).toEqual([
    0,
    0.5,
    1,
    undefined,
  ])
  expect(placeOf(parameter.parse({ type: 'normal', mean: 4, deviation: 2 }), 4)).toBe(0.5)
})

test('a slice has the best of each part, and the parts of a choice are its values', () => {
  const layers = parameter.parse({ type: 'int', low: 0, high: 10 })
  const trials = [
    trialOf(0, { layers: 0 }, { loss: 5 }),
    trialOf(1, { layers: 1 }, { loss: 3 }),
    trialOf(2, { layers: 10 }, { loss: 9 }),
  ]
  expect(sliceOf(trials, 'layers', partsOf(layers, 2), loss)).toEqual({ count: [2, 1], best: [3, 9] })
  const kind = parameter.parse({ type: 'choice', values: ['a', 'b', 'c'] })
  expect(sliceOf([trialOf(0, { kind: 'c' }, { loss: 5 })], 'kind', partsOf(kind, 8), loss).best).toEqual([
    null,
    null,
    5,
  ])
})

test('a range is cut into its values where they are few', () => {
  const layers = parameter.parse({ type: 'int', low: 1, high: 4 })
  const parts = partsOf(layers, 8)
  expect([1, 2, 3, 4].map((value) => Math.floor(parts.place(value)! * parts.count))).toEqual([0, 1, 2, 3])
  expect(partsOf(parameter.parse({ type: 'int', low: 1, high: 400 }), 8)).toMatchObject({ count: 8, isEach: false })
  expect(partsOf(parameter.parse({ type: 'choice', values: ['a'] }), 8).place('a')).toBe(0)
})

test('a contour is near the values around, and nothing where nothing is', () => {
  const points: ContourPoint[] = [
    [0.1, 0.1, 1],
    [0.12, 0.1, 1],
    [0.9, 0.1, 5],
  ]
  const [low, high] = contourOf(points, 10, 2)
  expect(contourOf(points, 10, 10)[1]?.[1]).toBeCloseTo(1)
  expect(low).toHaveLength(10)
  expect(high?.every((value) => value === null)).toBe(true)
})

test('the importance of a parameter that decides is the greatest', () => {
  const random = seededRandom(1)
  const space = searchSpace.parse({
    x: { type: 'uniform', low: 0, high: 1 },
    noise: { type: 'uniform', low: 0, high: 1 },
    same: { type: 'choice', values: ['a'] },
  })
  const trials = Array.from({ length: 60 }, (_, number) => {
    const x = random()
    return trialOf(number, { x, noise: random(), same: 'a' }, { loss: (x - 0.3) ** 2 })
  })
  const found = importanceOf(trials, space, loss)
  expect(found.map(({ name }) => name)).toEqual(['x', 'noise'])
  expect(found[0]?.share).toBeGreaterThan(0.8)
  expect(importanceOf(trials.slice(0, 3), space, loss)).toEqual([])
})

test('a sample is even', () => {
  expect(evenly([1, 2, 3, 4, 5, 6], 3)).toEqual([1, 3, 5])
  expect(evenly([1, 2], 3)).toEqual([1, 2])
})
