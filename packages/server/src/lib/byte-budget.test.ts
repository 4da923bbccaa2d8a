import { expect, test } from 'vitest'
import { ByteBudget } from './byte-budget.ts'

test('who comes late waits, in order; who leaves makes room', async () => {
  const budget = new ByteBudget(10)
  const order: string[] = []
  const first = await budget.take(6)
  const second = budget.take(8).then((give) => (order.push('second'), give))
  const third = budget.take(1).then((give) => (order.push('third'), give))
  await Promise.resolve()
  expect(order).toEqual([])
  first()
  await third
  expect(order).toEqual(['second', 'third'])
  expect(budget.left).toBe(1)
  ;(await second)()
  ;(await third)()
  expect(budget.left).toBe(10)
})

test('more than there is takes all', async () => {
  const budget = new ByteBudget(10)
  const give = await budget.take(1000)
  expect(budget.left).toBe(0)
  give()
  expect(budget.left).toBe(10)
})

test('one that gives up waiting holds nobody up', async () => {
  const budget = new ByteBudget(10)
  const give = await budget.take(5)
  const aborting = new AbortController()
  const large = budget.take(9, aborting.signal)
  const small = budget.take(5)
  aborting.abort(new Error('left'))
  await expect(large).rejects.toThrow('left')
  ;(await small)()
  give()
  expect(budget.left).toBe(10)
  await expect(budget.take(1, aborting.signal)).rejects.toThrow('left')
  expect(budget.left).toBe(10)
})
