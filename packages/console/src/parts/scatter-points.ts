/** One point: its places on both axes, from 0 to 1, and its place in the palette. */
export interface ScatterPoint {
  id: string
  x: number
  y: number
  color: number
}

const reachPx = 24

/** The point next to a place on the screen, if there is one within reach. `px` says where a point is. */
export function nearest(
  points: readonly ScatterPoint[],
  [x, y]: readonly [number, number],
  px: (point: ScatterPoint) => readonly [number, number],
): number | undefined {
  let found: number | undefined
  let least = reachPx ** 2
  for (const [place, point] of points.entries()) {
    const [left, top] = px(point)
    const distance = (left - x) ** 2 + (top - y) ** 2
    if (distance > least) continue
    least = distance
    found = place
  }
  return found
}
