import { expect, test } from 'vitest'
import { paramOption, readParam } from './param-text.ts'
import { parameter } from './search-space.ts'

test.each([
  [{ type: 'int', low: 1, high: 8 }, 'p=1..8'],
  [{ type: 'int', low: 0, high: 8, step: 2 }, 'p=0..8:step=2'],
  [{ type: 'uniform', low: 1e-7, high: 1, log: true }, 'p=1e-7..1.0:log'],
  [{ type: 'uniform', low: -5, high: 5 }, 'p=-5..5.0'],
  [{ type: 'uniform', low: 0, high: 2, step: 1 }, 'p=0..2.0:step=1'],
  [{ type: 'choice', values: ['sgd', 'adam', 3, true] }, 'p=sgd,adam,3,true'],
])('%o is written so that it is read again', (given, text) => {
  const one = parameter.parse(given)
  expect(paramOption('p', one)).toBe(text)
  const read = readParam(text)
  expect('parameter' in read && parameter.parse(read.parameter)).toEqual(one)
})

test.each([
  { type: 'normal', mean: 0, deviation: 1 },
  { type: 'choice', values: ['1'] },
  { type: 'choice', values: [null] },
  { type: 'choice', values: ['a,b'] },
  { type: 'choice', values: ['1..2'] },
  { type: 'int', low: 1, high: 8, when: { parameter: 'q', is: ['a'] } },
])('%o needs a file', (given) => {
  expect(paramOption('p', parameter.parse(given))).toBeUndefined()
})
