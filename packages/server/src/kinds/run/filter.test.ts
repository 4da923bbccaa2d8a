import { describe, expect, test } from 'vitest'
import { parseFilter, parseOrder } from './filter.ts'

describe('a filter', () => {
  test.each([
    ['metrics.loss < 0.1', { of: 'metric', name: 'loss' }, '<', 0.1],
    ['metric.`a b/c` >= -1e3', { of: 'metric', name: 'a b/c' }, '>=', -1000],
    ['params."learning rate" = "0.1"', { of: 'param', name: 'learning rate' }, '=', '0.1'],
    ["tags.mlflow.parentRunId != 'x'", { of: 'label', name: 'mlflow.parentRunId' }, '!=', 'x'],
    ["TAGS.a LIKE '%and%'", { of: 'label', name: 'a' }, 'like', '%and%'],
    ["attributes.run_name ilike 'A_'", { of: 'attribute', name: 'run_name' }, 'ilike', 'A_'],
    ['status IN (\'FINISHED\', "RUNNING")', { of: 'attribute', name: 'status' }, 'in', ['FINISHED', 'RUNNING']],
    ["run_id NOT IN ('a')", { of: 'attribute', name: 'run_id' }, 'not in', ['a']],
    ['attributes.start_time > 1700000000000', { of: 'attribute', name: 'start_time' }, '>', 1_700_000_000_000],
    ['params.a IS NULL', { of: 'param', name: 'a' }, 'null', null],
    ['tags.a is not null', { of: 'label', name: 'a' }, 'not null', null],
    ["dataset.name = 'd'", { of: 'dataset', name: 'name' }, '=', 'd'],
  ])('%s', (text, subject, operator, value) => {
    expect(parseFilter(text)).toEqual([{ subject, operator, value }])
  })

  test('has conditions joined by and, or none', () => {
    expect(parseFilter("metrics.a>1 AND params.b='2' and metrics.c==3").map(({ operator }) => operator)).toEqual([
      '>',
      '=',
      '=',
    ])
    expect(parseFilter('  ')).toEqual([])
  })

  test.each([
    ['metrics.loss <', 'it ends too early'],
    ['metrics.loss << 3', '“<” is no number'],
    ["metrics.loss = '1' or metrics.loss = '2'", '`or` is not part of the language'],
    ['params.a = 1', '“1” needs quotes'],
    ["params.a > '1'", 'which is compared with =, !=, LIKE, ILIKE and IN'],
    ["params.a = 'open", 'which does not end'],
    ['nothing = 1', '“nothing” is no field'],
    ["status in 'a'", 'a list in round brackets'],
    ["status in ('a'", 'does not end'],
    ["metrics.loss like 'a'", 'is no number'],
    ["'a' = 'a'", 'is no name of a field'],
    [`metrics.loss < 1 ${'and metrics.loss < 1 '.repeat(50)}and`, 'it ends too early'],
  ])('%s is refused: %s', (text, reason) => {
    expect(() => parseFilter(text)).toThrow(reason)
  })
})

test('an order has a direction', () => {
  expect(parseOrder('metrics.loss DESC')).toEqual({ subject: { of: 'metric', name: 'loss' }, descending: true })
  expect(parseOrder('attribute.start_time')).toMatchObject({ descending: false })
  expect(() => parseOrder('metrics.loss up')).toThrow('“up” is too much')
})
