import type { Trial } from './sweep.ts'
import { expect, test } from 'vitest'
import { lanesOf } from './trial-lanes.ts'

const at = (second: number) => new Date(second * 1000).toISOString()
const trial = (number: number, from: number, to: number | null) =>
  ({ number, askedAt: at(from), endedAt: to === null ? null : at(to) }) as Trial

test('trials that run at the same time are in lanes of their own, and a lane is used again', () => {
  const { bars, lanes } = lanesOf([trial(0, 0, 10), trial(1, 0, 4), trial(2, 4, null), trial(3, 10, 11)], 20_000)
  expect(lanes).toBe(2)
  expect(bars.map(({ lane }) => lane)).toEqual([0, 1, 1, 0])
  expect(bars[2]?.to).toBe(20_000)
})
