import { isActive } from '@nabla/api/search-space'
import { type Axis, axesOf, type Values, valuesAt } from './dimension.ts'
import { drawFrom, logDensityAt, mixtureOf } from './parzen.ts'
import { ranked } from './pareto.ts'
import { randomOf } from './random.ts'
import { costsOf, type Outcome, type Problem, type Searcher } from './searcher.ts'

/** Trials drawn by chance before there is anything to learn from. */
const startup = 10
/** Points that are drawn from the good ones for each trial. */
const candidates = 24
/** Most trials that count as good. */
const mostGood = 25

interface Observation {
  outcome: Outcome
  costs: number[]
}

interface State {
  problem: Problem
  axes: Axis[]
  /** Axes that are active together: their dependence on each other is learned. */
  groups: Axis[][]
  observed: Observation[]
  running: Map<number, Values>
}

/**
 * The tree-structured Parzen estimator, multivariate: Bergstra et al., Algorithms for Hyper-Parameter Optimization (NIPS
 * 2011); Falkner et al., BOHB (ICML 2018) for several parameters at once. Trials are split into the best tenth, 25 at
 * most, and the rest; the point is taken that is likeliest among the good against the rest. Trials that run count with
 * the rest, so that parallel ones keep apart. Several objectives are ranked by dominance (Ozaki et al., MOTPE, 2020).
 */
export const tpe: Searcher<State> = {
  begin(problem) {
    const axes = axesOf(problem.space)
    return { problem, axes, groups: groupsOf(axes), observed: [], running: new Map() }
  },
  ask(state, number) {
    const { problem, axes, observed } = state
    const random = randomOf(problem.seed, number)
    if (observed.length < startup) return { values: valuesAt(axes, () => random.uniform()) }
    const { good, rest } = split(state)
    let values: Values = {}
    for (const group of state.groups) {
      if (!isActive((group[0] as Axis).parameter, values)) continue
      const known = (all: readonly Values[]) => all.filter((one) => group.every(({ name }) => Object.hasOwn(one, name)))
      const likely = mixtureOf(group, known(good))
      const unlikely = mixtureOf(group, known(rest))
      let best: Values = {}
      let most = -Infinity
      for (let drawn = 0; drawn < candidates; drawn++) {
        const candidate = drawFrom(likely, random)
        const score = logDensityAt(likely, candidate) - logDensityAt(unlikely, candidate)
        if (score <= most) continue
        most = score
        best = candidate
      }
      values = { ...values, ...best }
    }
    return { values }
  },
  asked(state, number, { values }) {
    state.running.set(number, values)
    return state
  },
  told(state, outcome) {
    state.running.delete(outcome.number)
    const costs = costsOf(state.problem, outcome)
    if (costs !== null) state.observed.push({ outcome, costs })
    return state
  },
}

function groupsOf(axes: readonly Axis[]): Axis[][] {
  const groups = new Map<string, Axis[]>()
  for (const axis of axes) {
    const key = JSON.stringify(axis.parameter.when ?? null)
    groups.set(key, [...(groups.get(key) ?? []), axis])
  }
  return [...groups.values()]
}

function split({ observed, running }: State): { good: Values[]; rest: Values[] } {
  const complete = observed.filter(({ outcome }) => outcome.state === 'complete')
  const stopped = observed.filter(({ outcome }) => outcome.state === 'stopped')
  const order = [
    ...ranked(complete.map(({ costs }) => costs)).map((at) => complete[at] as Observation),
    ...stopped.toSorted((a, b) => b.outcome.step - a.outcome.step || (a.costs[0] ?? 0) - (b.costs[0] ?? 0)),
  ]
  const best = new Set(order.slice(0, Math.min(Math.ceil(0.1 * order.length), mostGood)))
  const inOrder = (wanted: boolean) =>
    observed.filter((one) => best.has(one) === wanted).map(({ outcome }) => outcome.values)
  return { good: inOrder(true), rest: [...inOrder(false), ...running.values()] }
}
