import { expect, test } from 'vitest'
import { looksLikeHyperopt, readHyperoptText, readSweepLine, sweepLine } from './sweep-line.ts'

const search = {
  space: {
    rate: { type: 'uniform', low: 1e-4, high: 1, log: true },
    layers: { type: 'int', low: 1, high: 8 },
    opt: { type: 'choice', values: ['sgd', 'adam'] },
  },
  objectives: [{ metric: 'loss', direction: 'minimize' }],
  searcher: 'sobol',
  trials: 50,
  parallel: 4,
  stopRule: { type: 'asha', first: 2, factor: 4 },
  timeLimitSeconds: 5400,
  costLimit: 2.5,
  warmStart: ['earlier'],
}

test('a sweep is written as a line, and read from it again', () => {
  const line = sweepLine({ project: 'digits', command: 'python train.py {{args}}' }, search, { from: 'nothing' })
  expect(line).toBe(
    "sweep run --workspace none --project digits --param rate=0.0001..1.0:log --param layers=1..8 --param opt=sgd,adam --minimize loss --searcher sobol --trials 50 --parallel 4 --stop-rule asha --stop-first 2 --stop-factor 4 --search-time 1h30m --search-cost 2.5 --warm-start earlier -- 'python train.py {{args}}'",
  )
  expect(readSweepLine(`nabla ${line}`)).toMatchObject({
    kind: 'sweep',
    project: 'digits',
    command: 'python train.py {{args}}',
    search: { ...search, space: { ...search.space, layers: { type: 'int', low: 1, high: 8 } } },
  })
})

test('one that no option says needs a file; one for programs elsewhere has no command', () => {
  const condition = {
    ...search.space,
    extra: { type: 'int', low: 1, high: 2, when: { parameter: 'opt', is: ['sgd'] } },
  }
  expect(sweepLine({ project: 'p' }, { ...search, space: condition }, { from: 'nothing' })).toBeUndefined()
  expect(sweepLine({ project: 'p' }, search, { from: 'nothing' })).toMatch(/--warm-start earlier$/)
})

test.each([
  ['nabla sweep run --param x=1.. --minimize a', 'no range that can be read'],
  ['nabla sweep run --bogus 1', 'There is no option --bogus'],
  ['nabla sweep run --param x=1..2 --searcher guess', 'There is no searcher guess'],
])('%s says what is wrong', (text, message) => {
  expect(() => readSweepLine(text)).toThrow(message)
})

test('a search space of hyperopt is told from a sweep, and read', () => {
  const text = "space = {\n  'lr': hp.loguniform('lr', -7, 0),\n}"
  expect(looksLikeHyperopt(text)).toBe(true)
  expect(readHyperoptText(text)).toMatchObject({ lr: { type: 'uniform', high: 1, log: true } })
  expect(() => readHyperoptText("hp.triangular('x', 0, 1)")).toThrow('Known are choice')
  expect(looksLikeHyperopt("kind: sweep\ncommand: python -c 'hp.choice(1)'\n")).toBe(false)
})
