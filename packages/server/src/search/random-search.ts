import { type Axis, axesOf, valuesAt } from './dimension.ts'
import { randomOf } from './random.ts'
import type { Problem, Searcher } from './searcher.ts'

interface State {
  problem: Problem
  axes: Axis[]
}

/** Draws each trial by itself (Bergstra, Bengio: Random Search for Hyper-Parameter Optimization, JMLR 2012). */
export const randomSearch: Searcher<State> = {
  begin: (problem) => ({ problem, axes: axesOf(problem.space) }),
  ask({ problem, axes }, number) {
    const random = randomOf(problem.seed, number)
    return { values: valuesAt(axes, () => random.uniform()) }
  },
  asked: (state) => state,
  told: (state) => state,
}
