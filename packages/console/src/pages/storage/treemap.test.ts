import { expect, test } from 'vitest'
import { type Rectangle, squarify } from './treemap.ts'

const area = ({ width, height }: Rectangle) => width * height

test('the example of the paper', () => {
  const laid = squarify([6, 6, 4, 3, 2, 2, 1], { x: 0, y: 0, width: 6, height: 4 })
  expect(laid.map(area).map((size) => Math.round(size * 1000) / 1000)).toEqual([6, 6, 4, 3, 2, 2, 1])
  expect(laid[0]).toEqual({ x: 0, y: 0, width: 3, height: 2 })
  expect(laid[1]).toEqual({ x: 0, y: 2, width: 3, height: 2 })
  expect(laid[2]!.width).toBeCloseTo(12 / 7)
})

test('rectangles fill the space and do not overlap, whatever the sizes', () => {
  let seed = 7
  const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647
  for (let round = 0; round < 50; round++) {
    const sizes = Array.from({ length: 1 + Math.floor(random() * 60) }, () => random() ** 4 + 1e-6).toSorted(
      (a, b) => b - a,
    )
    const within = { x: 10, y: 20, width: 50 + random() * 900, height: 50 + random() * 400 }
    const laid = squarify(sizes, within)
    expect(laid.reduce((sum, one) => sum + area(one), 0) / area(within)).toBeCloseTo(1, 6)
    for (const [place, one] of laid.entries()) {
      expect(one.x).toBeGreaterThanOrEqual(within.x - 1e-6)
      expect(one.y + one.height).toBeLessThanOrEqual(within.y + within.height + 1e-6)
      for (const other of laid.slice(place + 1)) expect(overlap(one, other) / area(within)).toBeLessThan(1e-9)
    }
  }
})

test('nothing has no area', () => {
  expect(squarify([], { x: 0, y: 0, width: 10, height: 10 })).toEqual([])
  expect(squarify([0, 0], { x: 0, y: 0, width: 10, height: 10 }).map(area)).toEqual([0, 0])
  expect(squarify([3], { x: 0, y: 0, width: 0, height: 10 }).map(area)).toEqual([0])
})

function overlap(a: Rectangle, b: Rectangle): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  return Math.max(0, width) * Math.max(0, height)
}
