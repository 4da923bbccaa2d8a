import { isActive, type ParameterValue } from '@nabla/api/search-space'
import { type Axis, axesOf, type Values, valueAt, valuesAt } from './dimension.ts'
import { ranked } from './pareto.ts'
import { type Random, randomOf } from './random.ts'
import { costsOf, type Outcome, type Problem, type Proposal, type Searcher } from './searcher.ts'

/** Share of the population that gives way to as many of the best. */
const replaced = 0.2
/** How often a value is drawn anew; else it is moved. */
const resampled = 0.25
/** A range is multiplied by one of these; a choice moves to a neighbour. */
const factors = [0.8, 1.2] as const

interface Member {
  /** Its newest trial that has ended. */
  latest: Outcome
  costs: number[] | null
}

interface State {
  problem: Problem
  axes: Axis[]
  size: number
  begun: number
  /** By the trial that was its newest; those that wait for their next turn, in the order in which they ended. */
  members: Map<number, Member>
  waiting: number[]
}

/**
 * Population based training: Jaderberg et al., Population Based Training of Neural Networks (2017, arXiv:1711.09846).
 * Each trial trains one member for one stretch and leaves a checkpoint; its successor carries on from it, or, when it is
 * among the worst fifth, from that of one of the best fifth with values moved a little.
 */
export function populationOf(size: number): Searcher<State> {
  return {
    begin: (problem) => ({ problem, axes: axesOf(problem.space), size, begun: 0, members: new Map(), waiting: [] }),
    ask(state, number) {
      const random = randomOf(state.problem.seed, number)
      if (state.begun < size) return { values: valuesAt(state.axes, () => random.uniform()) }
      const next = state.waiting[0]
      return next === undefined ? 'wait' : successor(state, next, random)
    },
    asked(state, _number, proposal) {
      if (proposal.from === undefined) state.begun += 1
      else state.waiting.shift()
      return state
    },
    told(state, outcome) {
      state.members.set(outcome.number, { latest: outcome, costs: costsOf(state.problem, outcome) })
      if (outcome.from !== undefined) forgetBefore(state, outcome.from)
      state.waiting.push(outcome.number)
      return state
    },
  }
}

/** A trial whose checkpoint two members carry on from is forgotten with the first of them that has ended. */
function forgetBefore({ members, waiting }: State, number: number): void {
  if (!waiting.includes(number)) members.delete(number)
}

function successor(state: State, number: number, random: Random): Proposal {
  const member = state.members.get(number)
  const rated = [...state.members.values()].filter(({ costs }) => costs !== null)
  const order = ranked(rated.map(({ costs }) => costs as number[])).map((at) => rated[at] as Member)
  const elite = order.slice(0, Math.max(1, Math.floor(order.length * replaced)))
  const place = member === undefined ? -1 : order.indexOf(member)
  const poor = place === -1 || (order.length > 1 && place >= Math.ceil(order.length * (1 - replaced)))
  if (member !== undefined && !poor) return { values: member.latest.values, from: number }
  const model = elite[random.index(elite.length)]?.latest ?? member?.latest
  if (model === undefined) return { values: valuesAt(state.axes, () => random.uniform()), from: number }
  return { values: moved(state.axes, model.values, random), from: model.number }
}

function moved(axes: readonly Axis[], model: Values, random: Random): Values {
  const values: Record<string, ParameterValue> = {}
  for (const { name, parameter, dimension } of axes) {
    if (!isActive(parameter, values)) continue
    const anew = valueAt(dimension, random.uniform())
    const old = model[name]
    if (random.uniform() < resampled || old === undefined) values[name] = anew
    else if (dimension.kind === 'choice') values[name] = neighbour(dimension.values, old, random)
    else
      values[name] = within(dimension.low, dimension.high, dimension, (old as number) * (factors[random.index(2)] ?? 1))
  }
  return values
}

function within(
  low: number,
  high: number,
  scale: { toScale(value: number): number; fromScale(at: number): number },
  value: number,
): number {
  const at = scale.toScale(value)
  return scale.fromScale(Number.isNaN(at) ? low : Math.min(high, Math.max(low, at)))
}

function neighbour(values: readonly ParameterValue[], old: ParameterValue, random: Random): ParameterValue {
  const at = values.indexOf(old) + (random.index(2) === 0 ? -1 : 1)
  return values[Math.min(values.length - 1, Math.max(0, at))] ?? old
}
