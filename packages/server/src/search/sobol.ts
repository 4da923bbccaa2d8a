import { type Axis, axesOf, valuesAt } from './dimension.ts'
import { randomOf } from './random.ts'
import type { Problem, Searcher } from './searcher.ts'
import { sobolAxes } from './sobol-directions.ts'

const bits = 32
const unit = 2 ** -bits

interface State {
  axes: Axis[]
  /** A row of 32 direction numbers for each axis. */
  directions: Uint32Array[]
  /** Added (exclusive or) to every point of an axis: another seed is another set that is spread as evenly. */
  shifts: number[]
}

/** Points that fill the space more evenly than chance does (Sobol, 1967), moved by a random digital shift. */
export const sobol: Searcher<State> = {
  begin({ space, seed }: Problem) {
    const axes = axesOf(space)
    const random = randomOf(seed, -1)
    return {
      axes,
      directions: axes.map((_, axis) => directionsOf(axis)),
      shifts: axes.map(() => Math.floor(random.uniform() * 2 ** bits)),
    }
  },
  ask({ axes, directions, shifts }, number) {
    const at = (axis: number) =>
      ((sobolBits(directions[axis] as Uint32Array, number) ^ (shifts[axis] ?? 0)) >>> 0) * unit
    return { values: valuesAt(axes, at) }
  },
  asked: (state) => state,
  told: (state) => state,
}

/** Direction numbers of an axis: Joe and Kuo, Remark on Algorithm 659, ACM TOMS 29 (2003), equations 2 and 3. */
export function directionsOf(axis: number): Uint32Array {
  const directions = new Uint32Array(bits)
  if (axis === 0) return directions.map((_, bit) => 2 ** (bits - 1 - bit))
  const { polynomial, first } = sobolAxes[(axis - 1) % sobolAxes.length] as (typeof sobolAxes)[number]
  const degree = first.length
  for (let bit = 0; bit < bits; bit++) {
    if (bit < degree) {
      directions[bit] = (first[bit] ?? 0) * 2 ** (bits - 1 - bit)
      continue
    }
    const back = directions[bit - degree] ?? 0
    let direction = back ^ (back >>> degree)
    for (let term = 1; term < degree; term++)
      if ((polynomial >>> (degree - term)) & 1) direction ^= directions[bit - term] ?? 0
    directions[bit] = direction
  }
  return directions
}

/** The bits of point `number` of an axis, in the order of the Gray code (Antonov, Saleev, 1979). */
export function sobolBits(directions: Uint32Array, number: number): number {
  const gray = number ^ Math.floor(number / 2)
  let sum = 0
  for (let bit = 0; bit < bits; bit++) if ((gray >>> bit) & 1) sum ^= directions[bit] ?? 0
  return sum >>> 0
}
