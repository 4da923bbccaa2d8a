import { expect, test } from 'vitest'
import { completeFilter, filterNames } from './filter-completion.ts'

const names = filterNames({ metrics: ['loss', 'val/loss'], params: ['lr'], labels: ['host'] })
const offered = (filter: string) => completeFilter(filter, names).map(({ text }) => text)

test('names are offered where one can stand, those that begin so first', () => {
  expect(offered('metrics.lo')).toEqual(['metrics.loss '])
  expect(offered('loss')).toEqual(['metrics.loss ', 'metrics.`val/loss` '])
  expect(offered('lr')).toEqual(['params.lr '])
  expect(offered('metrics.loss < 0.1 and ho')).toEqual(['metrics.loss < 0.1 and tags.host '])
  expect(offered('')).toContain('attributes.status ')
})

test('nothing is offered in the middle of a comparison', () => {
  expect(offered('metrics.loss < ')).toEqual([])
  expect(offered('params.lr = "lo')).toEqual([])
})
