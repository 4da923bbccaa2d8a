import { expect, test } from 'vitest'
import { type Brushes, moveBrush, readBrushes, rowsWithin, writeBrushes } from './parallel-brush.ts'
import { makeAxis } from './value-axis.ts'

const values = [0, 5, 10, undefined]
const axes = [{ id: 'lr', axis: makeAxis(values, String), values }]
const within = (brushes: Brushes) => rowsWithin(axes, brushes, values.length)

test('keeps the rows that go through all that is kept', () => {
  expect(within({})).toEqual([0, 1, 2, 3])
  expect(within({ lr: [0.5, 1] })).toEqual([1, 2])
  expect(within({ other: [0, 0.1] })).toEqual([0, 1, 2, 3])
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
