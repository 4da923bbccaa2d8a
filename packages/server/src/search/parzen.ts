import type { ParameterValue } from '@nabla/api/search-space'
import type { Dimension, NumberDimension, Values } from './dimension.ts'
import { logDensity, massBetween, truncatedNormal } from './normal.ts'
import type { Random } from './random.ts'

/** An axis of a mixture: where the middle of each kernel is, and how wide it is. */
interface NumberKernels {
  kind: 'number'
  name: string
  dimension: NumberDimension
  middles: Float64Array
  widths: Float64Array
  /** Logarithm of the share of each kernel that lies inside of the bounds. */
  logMass: Float64Array
}

/** For each kernel the value that it stands for; the last kernel, of the prior, stands for none. */
interface ChoiceKernels {
  kind: 'choice'
  name: string
  values: readonly ParameterValue[]
  chosen: Int32Array
  logChosen: number
  logOther: number
  logPrior: number
}

/** A density over several parameters at once: a sum of products of kernels, one for each observation and one prior. */
export interface Mixture {
  cumulative: Float64Array
  logWeights: Float64Array
  axes: (NumberKernels | ChoiceKernels)[]
}

/** Observations that count in full; older ones count less. */
const inFull = 25

/**
 * The adaptive Parzen estimator of Bergstra et al., Algorithms for Hyper-Parameter Optimization (NIPS 2011), section 4.2,
 * with products of kernels over several parameters; weights, prior, and a least width ("magic clipping") as in Watanabe,
 * Tree-Structured Parzen Estimator: Understanding Its Algorithm Components (2023), section 3.
 * `observations` are in the order in which they were made.
 */
export function mixtureOf(
  axes: readonly { name: string; dimension: Dimension }[],
  observations: readonly Values[],
): Mixture {
  const weights = weightsOf(observations.length)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let sum = 0
  return {
    logWeights: Float64Array.from(weights, (weight) => Math.log(weight / total)),
    cumulative: Float64Array.from(weights, (weight) => (sum += weight / total)),
    axes: axes.map(({ name, dimension }) =>
      dimension.kind === 'choice'
        ? choiceKernels(name, dimension.values, observations)
        : numberKernels(name, dimension, observations),
    ),
  }
}

/** The newest in full, older ones the less the older, the prior as one in full. */
function weightsOf(count: number): number[] {
  const ramp = Math.max(0, count - inFull)
  const older = (at: number) => (ramp === 1 ? 1 / count : 1 / count + (at * (1 - 1 / count)) / (ramp - 1))
  return [...Array.from({ length: count }, (_, at) => (at < ramp ? older(at) : 1)), 1]
}

function numberKernels(name: string, dimension: NumberDimension, observations: readonly Values[]): NumberKernels {
  const { low, high } = dimension
  const middles = Float64Array.from(observations, (values) =>
    Math.min(high, Math.max(low, dimension.toScale(values[name] as number))),
  )
  const widths = widthsOf(middles, low, high)
  return { kind: 'number', name, dimension, ...withPrior(middles, widths, low, high) }
}

/** Each as wide as the greater gap to a neighbour; the outermost do not reach for the borders. */
function widthsOf(middles: Float64Array, low: number, high: number): Float64Array {
  const range = high - low
  const least = range / Math.min(100, 2 + middles.length)
  const order = Array.from(middles.keys()).toSorted((a, b) => (middles[a] ?? 0) - (middles[b] ?? 0) || a - b)
  const widths = new Float64Array(middles.length)
  order.forEach((index, at) => {
    const middle = middles[index] ?? 0
    const before = order[at - 1]
    const after = order[at + 1]
    const alone = before === undefined && after === undefined
    const left = before === undefined ? (alone ? low : middle) : (middles[before] ?? 0)
    const right = after === undefined ? (alone ? high : middle) : (middles[after] ?? 0)
    widths[index] = Math.min(range, Math.max(least, middle - left, right - middle))
  })
  return widths
}

function withPrior(own: Float64Array, ownWidths: Float64Array, low: number, high: number) {
  const middles = Float64Array.from([...own, (low + high) / 2])
  const widths = Float64Array.from([...ownWidths, high - low])
  const logMass = middles.map((middle, at) => {
    const spread = widths[at] ?? 1
    return Math.log(massBetween((low - middle) / spread, (high - middle) / spread))
  })
  return { middles, widths, logMass }
}

function choiceKernels(
  name: string,
  values: readonly ParameterValue[],
  observations: readonly Values[],
): ChoiceKernels {
  const each = 1 / (observations.length + 1)
  const total = 1 + each * values.length
  return {
    kind: 'choice',
    name,
    values,
    chosen: Int32Array.from(observations, (observed) => values.indexOf(observed[name] ?? null)),
    logChosen: Math.log((1 + each) / total),
    logOther: Math.log(each / total),
    logPrior: -Math.log(values.length),
  }
}

/** Draws a point of a mixture. */
export function drawFrom(mixture: Mixture, random: Random): Record<string, ParameterValue> {
  const kernel = firstAbove(mixture.cumulative, random.uniform())
  const values: Record<string, ParameterValue> = {}
  for (const axis of mixture.axes) {
    const drawn = random.uniform()
    values[axis.name] = axis.kind === 'number' ? drawNumber(axis, kernel, drawn) : drawChoice(axis, kernel, drawn)
  }
  return values
}

function firstAbove(cumulative: Float64Array, level: number): number {
  let low = 0
  let high = cumulative.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((cumulative[middle] ?? 1) > level) high = middle
    else low = middle + 1
  }
  return low
}

function drawNumber({ dimension, middles, widths }: NumberKernels, kernel: number, uniform: number): number {
  const middle = middles[kernel] ?? 0
  const width = widths[kernel] ?? 1
  const from = (dimension.low - middle) / width
  const to = (dimension.high - middle) / width
  return dimension.fromScale(middle + width * truncatedNormal(from, to, uniform))
}

function drawChoice({ values, chosen, logChosen }: ChoiceKernels, kernel: number, uniform: number): ParameterValue {
  const favourite = chosen[kernel]
  if (favourite === undefined) return values[Math.floor(uniform * values.length)] ?? null
  const others = values.length - 1
  const likely = Math.exp(logChosen)
  if (uniform < likely || others === 0) return values[favourite] ?? null
  const other = Math.min(others - 1, Math.floor(((uniform - likely) / (1 - likely)) * others))
  return values[other < favourite ? other : other + 1] ?? null
}

/** Logarithm of the density, or of the mass where values have steps, at a point. */
export function logDensityAt({ axes, logWeights }: Mixture, values: Values): number {
  const sums = Float64Array.from(logWeights)
  for (const axis of axes) {
    if (axis.kind === 'number') addNumber(axis, values[axis.name] as number, sums)
    else addChoice(axis, axis.values.indexOf(values[axis.name] ?? null), sums)
  }
  let most = -Infinity
  for (const sum of sums) if (sum > most) most = sum
  let total = 0
  for (const sum of sums) total += Math.exp(sum - most)
  return most + Math.log(total)
}

function addNumber({ dimension, middles, widths, logMass }: NumberKernels, value: number, sums: Float64Array): void {
  const stretch = dimension.stretch(value)
  const at = dimension.toScale(value)
  for (let kernel = 0; kernel < sums.length; kernel++) {
    const middle = middles[kernel] ?? 0
    const width = widths[kernel] ?? 1
    const logAt =
      stretch === null
        ? logDensity((at - middle) / width) - Math.log(width)
        : Math.log(Math.max(1e-300, massBetween((stretch[0] - middle) / width, (stretch[1] - middle) / width)))
    sums[kernel] = (sums[kernel] ?? 0) + logAt - (logMass[kernel] ?? 0)
  }
}

function addChoice({ chosen, logChosen, logOther, logPrior }: ChoiceKernels, value: number, sums: Float64Array): void {
  const prior = sums.length - 1
  for (let kernel = 0; kernel < prior; kernel++)
    sums[kernel] = (sums[kernel] ?? 0) + (chosen[kernel] === value ? logChosen : logOther)
  sums[prior] = (sums[prior] ?? 0) + logPrior
}
