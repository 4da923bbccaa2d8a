import { isActive, type Parameter, type ParameterValue, type SearchSpace, spaceOrder } from '@nabla/api/search-space'
import { normalBelow, normalQuantile } from './normal.ts'

/** The values of one trial: of each parameter that its choices leave active. */
export type Values = Readonly<Record<string, ParameterValue>>

/** A range as searchers work on it: on the scale on which equal steps are equally likely. */
export interface NumberDimension {
  kind: 'number'
  /** Bounds on that scale, half a step beyond the outermost values where there are steps. */
  low: number
  high: number
  /** Distance between values, on the plain scale; null: every value in between is one. */
  step: number | null
  toScale(value: number): number
  /** The stretch of the scale that stands for a value; null where each value is a point. */
  stretch(value: number): [from: number, to: number] | null
  fromScale(at: number): number
}

export interface ChoiceDimension {
  kind: 'choice'
  values: readonly ParameterValue[]
}

export type Dimension = NumberDimension | ChoiceDimension

/** A parameter as searchers see it. Ranges of one value are choices of one. */
export function dimensionOf(parameter: Parameter): Dimension {
  if (parameter.type === 'choice') return { kind: 'choice', values: parameter.values }
  if (parameter.type === 'normal') return normalDimension(parameter)
  const { low, high, log } = parameter
  const step = parameter.step ?? null
  const last = step === null ? high : low + Math.floor((high - low) / step + 1e-9) * step
  if (low === last) return { kind: 'choice', values: [low] }
  const edge = step === null ? 0 : step / 2
  const forward = log ? Math.log : identity
  const backward = log ? Math.exp : identity
  return {
    kind: 'number',
    step,
    low: forward(low - edge),
    high: forward(last + edge),
    toScale: forward,
    stretch: (value) => (step === null ? null : [forward(value - edge), forward(value + edge)]),
    fromScale: (at) => snap(backward(at), low, last, step),
  }
}

/** On the scale of quantiles, where a normal parameter is uniform; the outermost 1e-6 on each side are never drawn. */
function normalDimension({ mean, deviation, log, step }: Parameter & { type: 'normal' }): NumberDimension {
  const forward = (value: number) => normalBelow(((log ? Math.log(value) : value) - mean) / deviation)
  const backward = (at: number) => {
    const plain = mean + deviation * normalQuantile(at)
    const value = log ? Math.exp(plain) : plain
    return step === undefined ? value : tidy(Math.round(value / step) * step)
  }
  return {
    kind: 'number',
    low: 1e-6,
    high: 1 - 1e-6,
    step: null,
    toScale: forward,
    stretch: () => null,
    fromScale: backward,
  }
}

const identity = (value: number): number => value

function snap(value: number, low: number, high: number, step: number | null): number {
  const inside = Math.min(high, Math.max(low, value))
  if (step === null) return inside
  return tidy(Math.min(high, low + Math.round((inside - low) / step) * step))
}

/** 0.1 + 0.2 is 0.3 to people. */
function tidy(value: number): number {
  return Number(value.toPrecision(12))
}

/** Every parameter of a space with its dimension, parents first. */
export interface Axis {
  name: string
  parameter: Parameter
  dimension: Dimension
}

export function axesOf(space: SearchSpace): Axis[] {
  return spaceOrder(space).map((name) => {
    const parameter = space[name] as Parameter
    return { name, parameter, dimension: dimensionOf(parameter) }
  })
}

/** Values of the axes that are active, of numbers in [0, 1) for each axis, in order. */
export function valuesAt(axes: readonly Axis[], unit: (axis: number) => number): Values {
  const values: Record<string, ParameterValue> = {}
  axes.forEach(({ name, parameter, dimension }, index) => {
    if (isActive(parameter, values)) values[name] = valueAt(dimension, unit(index))
  })
  return values
}

export function valueAt(dimension: Dimension, unit: number): ParameterValue {
  if (dimension.kind === 'choice') return dimension.values[Math.floor(unit * dimension.values.length)] ?? null
  return dimension.fromScale(dimension.low + unit * (dimension.high - dimension.low))
}
