import { expect, test } from 'vitest'
import { drawGraph } from './graph.ts'

const draw = (edges: Record<string, string[]>) =>
  drawGraph(edges, () => 'o').map(({ lanes, job }) => (job === null ? lanes : `${lanes} ${job}`))

test('a chain is one line', () => {
  expect(draw({ a: [], b: ['a'], c: ['b'] })).toEqual(['o a', 'o b', 'o c'])
})

test('what forks comes together again', () => {
  expect(draw({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'] })).toEqual(['o a', '├─╮', 'o │ b', '│ o c', '├─╯', 'o d'])
})

test('jobs that wait for nothing stand side by side until something waits for both', () => {
  expect(draw({ a: [], b: [], c: ['a', 'b'], d: [] })).toEqual(['o a', '│ o b', '├─╯', '│ o d', 'o c'])
})

test('a line passes others on its way', () => {
  const lines = draw({ a: [], b: ['a'], c: ['a'], d: ['a'], e: ['b', 'd'], f: ['c', 'e'] })
  expect(lines).toEqual(['o a', '├─┬─╮', 'o │ │ b', '│ o │ c', '│ │ o d', '├─┼─╯', 'o │ e', '╰─┤', '  o f'])
})

test('each job stands on one line, below all that it needs', () => {
  const edges: Record<string, string[]> = {}
  for (let at = 0; at < 40; at++) edges[`j${at}`] = at === 0 ? [] : [`j${(at * 7) % at}`, `j${Math.floor(at / 2)}`]
  const order = drawGraph(edges, () => 'o').flatMap(({ job }) => job ?? [])
  expect(order.toSorted((a, b) => a.localeCompare(b))).toEqual(
    Object.keys(edges).toSorted((a, b) => a.localeCompare(b)),
  )
  for (const [job, needs] of Object.entries(edges)) {
    for (const needed of needs) if (needed !== job) expect(order.indexOf(needed)).toBeLessThan(order.indexOf(job))
  }
})
