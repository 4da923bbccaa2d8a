import { type Axis, axesOf, type Values, valuesAt } from './dimension.ts'
import { beginDistribution, type Distribution, learn, place, type Sample } from './cma-distribution.ts'
import { type Random, randomOf } from './random.ts'
import { costsOf, type Problem, type Searcher } from './searcher.ts'

/** Draws of a point before one that lies outside is moved to the border. */
const mostDraws = 100

interface State {
  problem: Problem
  axes: Axis[]
  /** Axes that it works on: ranges that are always active. Others are drawn by chance. */
  ranges: Axis[]
  distribution: Distribution
  generation: number
  restarts: number
  /** Of the present generation, as they ended. */
  ended: Sample[]
  /** The best of what was given to it and is not its own. */
  given: { cost: number; at: Float64Array } | null
}

/**
 * CMA-ES: N. Hansen, The CMA Evolution Strategy: A Tutorial (2016, arXiv:1604.00772), with negative weights, and begun
 * again with twice as many points when it has come to rest (IPOP: Auger, Hansen, 2005). Every range is [0, 1] to it.
 * Trials of an older generation that end late are not learned from. It takes one objective.
 */
export const cmaEs: Searcher<State> = {
  begin(problem) {
    const axes = axesOf(problem.space)
    const ranges = axes.filter(({ dimension, parameter }) => dimension.kind === 'number' && !parameter.when)
    const middle = new Float64Array(ranges.length).fill(0.5)
    const distribution = beginDistribution(middle, 1)
    return { problem, axes, ranges, distribution, generation: 0, restarts: 0, ended: [], given: null }
  },
  ask(state, number) {
    const random = randomOf(state.problem.seed, number)
    const at = pointInside(state, random)
    const own = new Map(state.ranges.map(({ name }, index) => [name, at[index] ?? 0.5]))
    const values = valuesAt(state.axes, (axis) => own.get(state.axes[axis]?.name ?? '') ?? random.uniform())
    return { values, generation: state.generation }
  },
  asked: (state) => state,
  told(state, outcome) {
    const cost = costsOf(state.problem, outcome)?.[0] ?? Infinity
    const at = Float64Array.from(state.ranges, (axis) => unitOf(axis, outcome.values))
    if (outcome.generation === undefined) return given(state, { cost, at })
    if (outcome.generation !== state.generation) return state
    const ended = [...state.ended, { cost, at, number: outcome.number }]
    return ended.length < state.distribution.population ? { ...state, ended } : nextGeneration({ ...state, ended })
  },
}

/** Where a value lies in its range, from 0 to 1. */
function unitOf({ name, dimension }: Axis, values: Values): number {
  if (dimension.kind !== 'number') return 0.5
  return (dimension.toScale(values[name] as number) - dimension.low) / (dimension.high - dimension.low)
}

function pointInside({ distribution }: State, random: Random): Float64Array {
  for (let drawn = 1; ; drawn++) {
    const at = place(distribution, random)
    if (at.every((x) => x >= 0 && x < 1)) return at
    if (drawn >= mostDraws) return at.map((x) => Math.min(1 - 1e-9, Math.max(0, x)))
  }
}

/** Begins at the best of earlier trials, as long as it has learned nothing by itself. */
function given(state: State, { cost, at }: { cost: number; at: Float64Array }): State {
  if (state.given !== null && state.given.cost <= cost) return state
  if (state.generation > 0 || state.ended.length > 0 || cost === Infinity) return state
  return { ...state, given: { cost, at }, distribution: beginDistribution(at, 1) }
}

function nextGeneration(state: State): State {
  const samples = state.ended.toSorted((a, b) => compare(a.cost, b.cost) || a.number - b.number)
  const next = { ...state, generation: state.generation + 1, ended: [] }
  // A generation that failed as a whole teaches nothing.
  if (samples[0]?.cost === Infinity) return next
  const distribution = learn(state.distribution, samples)
  if (!distribution.atRest) return { ...next, distribution }
  const random = randomOf(state.problem.seed, -2, state.restarts)
  const middle = Float64Array.from(state.ranges, () => random.uniform())
  const restarts = state.restarts + 1
  return { ...next, restarts, distribution: beginDistribution(middle, 2 ** Math.min(restarts, 6)) }
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1
}
