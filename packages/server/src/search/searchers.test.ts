import { searchSpace, spaceFaults, type Parameter } from '@nabla/api/search-space'
import { describe, expect, test } from 'vitest'
import { symmetricEigen } from './eigen.ts'
import { grid, gridSize, mostCells } from './grid.ts'
import { massBetween, normalBelow, normalQuantile, truncatedNormal } from './normal.ts'
import { dominates, fronts, ranked } from './pareto.ts'
import { randomOf } from './random.ts'
import type { Problem } from './searcher.ts'
import { directionsOf, sobolBits } from './sobol.ts'
import { hyperband, medianRule } from './stop-rules.ts'

describe('the normal distribution', () => {
  // Abramowitz and Stegun, Handbook of Mathematical Functions, tables 26.1 and 26.2.
  test.each([
    [0, 0.5],
    [1, 0.841344746068543],
    [-2, 0.022750131948179],
    [3.5, 0.999767370920964],
    [-8, 6.22096057427178e-16],
  ])('has below %d the share %d', (z, share) => {
    expect(normalBelow(z) / share).toBeCloseTo(1, 10)
    if (z < 5) expect(normalQuantile(share)).toBeCloseTo(z, 8)
  })

  test('keeps its digits far out', () => {
    expect(massBetween(8, Infinity) / massBetween(-Infinity, -8)).toBe(1)
    expect(massBetween(9, 10)).toBeGreaterThan(0)
    const drawn = [0, 0.5, 0.999].map((uniform) => truncatedNormal(9, 10, uniform))
    expect(drawn.every((z) => z >= 9 && z <= 10)).toBe(true)
    expect(new Set(drawn).size).toBe(3)
  })
})

test('random numbers are those of their seed and counters, and even', () => {
  const draw = (...counters: number[]) => randomOf(5, ...counters).uniform()
  expect(draw(1)).toBe(draw(1))
  expect(new Set([draw(1), draw(2), draw(1, 0), draw(-1)]).size).toBe(4)
  const random = randomOf(1)
  const draws = Array.from({ length: 20_000 }, () => random.uniform())
  const counts = Array.from({ length: 10 }, (_, tenth) => draws.filter((x) => Math.floor(x * 10) === tenth).length)
  // Five deviations of a fair draw.
  for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(5 * Math.sqrt(2000 * 0.9))
})

test('Sobol points are those of Joe and Kuo', () => {
  const points = Array.from({ length: 5 }, (_, number) =>
    [0, 1, 2, 3].map((axis) => sobolBits(directionsOf(axis), number) / 2 ** 32),
  )
  expect(points).toEqual([
    [0, 0, 0, 0],
    [0.5, 0.5, 0.5, 0.5],
    [0.75, 0.25, 0.25, 0.25],
    [0.25, 0.75, 0.75, 0.75],
    [0.375, 0.375, 0.625, 0.875],
  ])
})

test('every axis of a Sobol sequence halves evenly', () => {
  for (let axis = 0; axis < 200; axis++) {
    const directions = directionsOf(axis)
    const cells = new Set(Array.from({ length: 256 }, (_, number) => sobolBits(directions, number) >>> 24))
    expect(cells.size).toBe(256)
  }
})

test('eigenvectors turn a symmetric matrix into its eigenvalues', () => {
  const rows = [
    [4, 1, 0],
    [1, 3, 1],
    [0, 1, 2],
  ].map((row) => Float64Array.from(row))
  const { values, vectors } = symmetricEigen(rows)
  // The roots of (4 - x)(3 - x)(2 - x) - (4 - x) - (2 - x).
  expect([...values].toSorted((a, b) => a - b).map((x) => x.toFixed(9))).toEqual(
    [3 - Math.sqrt(3), 3, 3 + Math.sqrt(3)].map((x) => x.toFixed(9)),
  )
  for (const column of [0, 1, 2]) {
    const vector = vectors.map((row) => row[column] ?? 0)
    const turned = rows.map((row) => row.reduce((sum, x, at) => sum + x * (vector[at] ?? 0), 0))
    turned.forEach((x, at) => expect(x).toBeCloseTo((values[column] ?? 0) * (vector[at] ?? 0), 9))
  }
})

describe('a grid', () => {
  const problemOf = (space: Record<string, unknown>): Problem => ({
    space: searchSpace.parse(space),
    directions: ['minimize'],
    seed: 0,
  })

  test('of 10,000 cells has each once', () => {
    const axis = { type: 'int', low: 0, high: 9 }
    const problem = problemOf({ a: axis, b: axis, c: axis, d: axis })
    expect(gridSize(problem.space)).toBe(10_000)
    const state = grid.begin(problem)
    const cells = Array.from({ length: 10_000 }, (_, number) => JSON.stringify(grid.ask(state, number)))
    expect(new Set(cells).size).toBe(10_000)
    expect(grid.ask(state, 10_000)).toBe('done')
  })

  test('has no cells for what a choice leaves out', () => {
    const problem = problemOf({
      model: { type: 'choice', values: ['tree', 'net'] },
      depth: { type: 'int', low: 1, high: 3, when: { parameter: 'model', is: ['tree'] } },
      units: { type: 'choice', values: [8, 16], when: { parameter: 'model', is: ['net'] } },
      rate: { type: 'uniform', low: 0, high: 1, step: 0.5 },
    })
    expect(gridSize(problem.space)).toBe(15)
    const state = grid.begin(problem)
    const cells = Array.from({ length: 15 }, (_, number) => JSON.stringify(grid.ask(state, number)))
    expect(new Set(cells).size).toBe(15)
    expect(cells[0]).toBe('{"values":{"model":"tree","rate":0,"depth":1}}')
  })

  test('that is too large is known without being made', () => {
    const axis = { type: 'int', low: 0, high: 1_000_000_000 }
    expect(gridSize(searchSpace.parse({ a: axis, b: axis }))).toBe(mostCells + 1)
  })
})

describe('ranks', () => {
  test('go by dominance, and the lonely come first', () => {
    expect(dominates([1, 1], [1, 2])).toBe(true)
    expect(dominates([1, 2], [2, 1])).toBe(false)
    const costs = [
      [5, 5],
      [1, 4],
      [2, 2],
      [2.1, 1.9],
      [4, 1],
    ]
    expect(fronts(costs)).toEqual([[1, 2, 3, 4], [0]])
    expect(ranked(costs)).toEqual([1, 4, 2, 3, 0])
    expect(ranked([[3], [1], [2], [1]])).toEqual([1, 3, 2, 0])
  })
})

describe('rules that stop early', () => {
  test('the median of those that came as far is the bar', () => {
    const rule = medianRule({ trials: 3, warmup: 2 })
    let state = rule.begin()
    const report = (number: number, step: number, cost: number) => {
      const answer = rule.reported(state, { number, step, cost })
      state = answer.state
      return answer.stop
    }
    for (const [number, cost] of [
      [0, 1],
      [1, 2],
      [2, 3],
    ] as const) {
      expect(report(number, 1, cost)).toBe(false)
      report(number, 2, cost)
    }
    expect(report(3, 1, 9)).toBe(false)
    expect(report(3, 2, 9)).toBe(true)
    expect(report(4, 2, 1.5)).toBe(false)
  })

  test('brackets of Hyperband let some trials go on where others must stop', () => {
    const rule = hyperband({ first: 1, last: 9, factor: 3 })
    let state = rule.begin()
    const stopped = Array.from({ length: 44 }, (_, number) => {
      const answer = rule.reported(state, { number, step: 1, cost: number })
      state = answer.state
      return answer.stop
    })
    const share = stopped.filter(Boolean).length / stopped.length
    expect(share).toBeGreaterThan(0.3)
    expect(share).toBeLessThan(0.7)
  })
})

describe('a space that contradicts itself', () => {
  const choice: Parameter = { type: 'choice', values: ['a', 'b'] }
  const range = (more: object): Parameter => ({ type: 'uniform', low: 0, high: 1, log: false, ...more })
  test.each<[Record<string, Parameter>, string]>([
    [{}, 'The space is empty: name at least one parameter.'],
    [{ x: range({ low: 2 }) }, 'The range is empty: low 2 is greater than high 1.'],
    [{ x: range({ log: true }) }, 'A range on a log scale begins above 0; low is 0.'],
    [{ x: { type: 'choice', values: [1, 1] } }, 'A value stands in it twice.'],
    [
      { x: range({ when: { parameter: 'y', is: ['a'] } }) },
      'Its condition names y, which is no parameter of this space.',
    ],
    [{ x: range({ when: { parameter: 'y', is: ['a'] } }), y: range({}) }, 'Its condition names y, which is no choice.'],
    [{ x: range({ when: { parameter: 'y', is: ['c'] } }), y: choice }, 'It waits for y to be "c", which it never is.'],
    [{ x: { ...choice, when: { parameter: 'x', is: ['a'] } } }, 'Its condition depends on itself.'],
  ])('is refused: %j', (space, message) => {
    expect(spaceFaults(space).map((fault) => fault.message)).toEqual([message])
  })
})
