import { expect, test } from 'vitest'
import { seededRandom, type Table } from './forest.ts'
import { type Importance, importances, toCells } from './importance.ts'

const random = seededRandom(7)
const rows = Array.from({ length: 200 }, () => ({
  strong: random(),
  weak: random(),
  nothing: random(),
  word: ['adam', 'sgd', 'lion'][Math.floor(random() * 3)]!,
}))
const target = rows.map(({ strong, weak, word }) => 10 * strong - 2 * weak + (word === 'sgd' ? 4 : 0) + 0.1 * random())
const columns = (['strong', 'weak', 'nothing', 'word'] as const).map((name) => rows.map((row) => row[name]))

function run(table: Table): { found: Importance[]; steps: number } {
  const work = importances(table)
  let steps = 0
  for (let next = work.next(); ; next = work.next(), steps++) if (next.done) return { found: next.value, steps }
}

test('columns that say more have a greater share, words too, and noise has almost none', () => {
  const { found, steps } = run({ columns, target })
  const [strong, weak, nothing, word] = found.map(({ share }) => share)
  expect(steps).toBeGreaterThan(10)
  expect(strong).toBeGreaterThan(word!)
  expect(word).toBeGreaterThan(weak!)
  expect(weak).toBeGreaterThan(nothing!)
  expect(nothing).toBeLessThan(0.02)
  expect(strong! + weak! + nothing! + word!).toBeCloseTo(1, 10)
  expect(found[0]!.correlation).toBeGreaterThan(0.7)
  expect(found[1]!.correlation).toBeLessThan(0)
  expect(found[3]!.correlation).toBeNull()
  expect(run({ columns, target }).found).toEqual(found)
})

test('nothing to tell apart gives nothing, and no error', () => {
  expect(run({ columns: [[1, 1, 1, 1]], target: [2, 2, 2, 2] }).found).toEqual([{ share: 0, correlation: null }])
  expect(run({ columns: [], target: [] }).found).toEqual([])
})

test('texts are numbers where all of them are', () => {
  expect(toCells(['1', undefined, '1e-3'])).toEqual([1, undefined, 0.001])
  expect(toCells(['1', 'two'])).toEqual(['1', 'two'])
})
