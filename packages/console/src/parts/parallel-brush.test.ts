import { expect, test } from 'vitest'
import { isWithin, moveBrush, readBrushes, writeBrushes } from './parallel-brush.ts'
import { makeAxis } from './value-axis.ts'

const values = [0, 5, 10, undefined]
const axes = [{ id: 'lr', axis: makeAxis(values, String), values }]
const within = (brushes: Parameters<typeof isWithin>[1]) => values.map((_, row) => isWithin(axes, brushes, row))

test('keeps the rows that go through all that is kept', () => {
  expect(within({})).toEqual([true, true, true, true])
  expect(within({ lr: [0.5, 1] })).toEqual([false, true, true, false])
  expect(within({ other: [0, 0.1] })).toEqual([true, true, true, true])
})

test('keys begin, move, widen and let go, and stay on the axis', () => {
  expect(moveBrush(undefined, 'ArrowUp', false)).toEqual([0.4, 0.6])
  expect(moveBrush([0.5, 0.98], 'ArrowUp', false)).toEqual([0.52, 1])
  expect(moveBrush([0.4, 0.6], 'ArrowUp', true)).toEqual([0.375, 0.625])
  expect(moveBrush([0.4, 0.6], 'Escape', false)).toBeUndefined()
  expect(moveBrush([0.4, 0.6], 'a', false)).toBe('none')
})

test('stands in an address, whatever the name', () => {
  const brushes = { 'params.a:b,c-d': [0.25, 0.5], lr: [0, 1] } as const
  expect(readBrushes(writeBrushes(brushes))).toEqual(brushes)
  expect(readBrushes('nonsense,lr:2-3,%E0:0-1')).toEqual({})
})
