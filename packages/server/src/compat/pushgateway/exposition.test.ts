import { expect, test } from 'vitest'
import { parseExposition } from './exposition.ts'

test('samples with labels, quotes and what is no number', () => {
  const text = '# HELP a b\n# TYPE a gauge\na 1\nb{step="7",pod="x\\"y,}"} -2.5e3 1700000000000\nc{} NaN\nd +Inf\n'
  const found = parseExposition(text).map(({ labels, ...rest }) => ({ ...rest, labels: Object.fromEntries(labels) }))
  expect(found).toEqual([
    { name: 'a', labels: {}, value: 1, at: undefined },
    { name: 'b', labels: { step: '7', pod: 'x"y,}' }, value: -2500, at: 1_700_000_000_000 },
    { name: 'c', labels: {}, value: Number.NaN, at: undefined },
    { name: 'd', labels: {}, value: Number.POSITIVE_INFINITY, at: undefined },
  ])
})

test.each(['a', 'a b', '1a 2', 'a{x="1" 2', 'a{x=1} 2'])('%s is no sample', (line) => {
  expect(() => parseExposition(`ok 1\n${line}`)).toThrow('Line 2 of the metrics is no sample.')
})
