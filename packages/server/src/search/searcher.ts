import type { SearchSpace } from '@nabla/api/search-space'
import type { Values } from './dimension.ts'

/** What is searched for, and by what rule: all that a searcher may know but for the trials. */
export interface Problem {
  space: SearchSpace
  /** One for each objective. */
  directions: readonly ('minimize' | 'maximize')[]
  seed: number
}

/** A trial that a searcher has proposed. */
export interface Proposal {
  values: Values
  /** Which generation it belongs to, where a searcher has any. */
  generation?: number
  /** The trial whose state it carries on from, for searchers that train a population. */
  from?: number
}

/** How a trial ended. */
export interface Outcome {
  /** 0 for the first trial of a search. */
  number: number
  values: Values
  generation?: number
  from?: number
  /** `stopped`: early, by a rule; its last values stand for it. `failed`: it has no values. */
  state: 'complete' | 'stopped' | 'failed'
  /** One for each objective, as logged. A trial whose values are not numbers has failed. */
  objectives: readonly number[]
  /** How far it came, where that is known. */
  step: number
}

/**
 * A way to search, as a fold over what happened: `begin` and the functions that follow a trial answer with a new state
 * or change the one they were given, which its holder then no longer uses. Every answer is a function of problem,
 * trials and their order alone, so a server that was killed folds the same trials and goes on as if nothing had been.
 */
export interface Searcher<State> {
  begin(problem: Problem): State
  /** The values of trial `number`. `wait`: it needs the outcome of one that runs. `done`: there is nothing left to try. */
  ask(state: State, number: number): Proposal | 'wait' | 'done'
  /** Trial `number` will run with these values, whoever chose them. */
  asked(state: State, number: number, proposal: Proposal): State
  told(state: State, outcome: Outcome): State
}

/** Objectives such that less is better; null when the trial has none that count. */
export function costsOf(problem: Pick<Problem, 'directions'>, outcome: Outcome): number[] | null {
  if (outcome.state === 'failed') return null
  const costs = problem.directions.map((direction, index) => {
    const value = outcome.objectives[index] ?? Number.NaN
    return direction === 'maximize' ? -value : value
  })
  return costs.some(Number.isNaN) ? null : costs
}
