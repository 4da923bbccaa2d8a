import type { SearcherName, SearchSettings, StopRuleSettings } from '@nabla/api/search'
import { cmaEs } from './cma-es.ts'
import { grid } from './grid.ts'
import { populationOf } from './population.ts'
import { randomSearch } from './random-search.ts'
import type { Outcome, Problem, Proposal, Searcher } from './searcher.ts'
import { sobol } from './sobol.ts'
import { asha, hyperband, medianRule, type Report, type StopRule } from './stop-rules.ts'
import { tpe } from './tpe.ts'

/** What happened to the trials of a search, in the order in which it was written down. */
export type SearchEvent =
  | { type: 'asked'; number: number; proposal: Proposal }
  | { type: 'reported'; number: number; step: number; value: number }
  | { type: 'told'; outcome: Outcome }

/**
 * A search under way. It holds no more than what the events say: one that is made anew from the same settings and the
 * same events answers the same.
 */
export interface Search {
  /** The next trial. `wait`: one that runs must end first. `done`: there is nothing left to try. */
  ask(number: number): Proposal | 'wait' | 'done'
  /** Takes in what happened. Answers whether the trial that reported should stop. */
  happened(event: SearchEvent): { stop: boolean }
}

type Settings = Pick<SearchSettings, 'space' | 'objectives' | 'searcher' | 'population' | 'stopRule' | 'seed' | 'first'>

export function createSearch(settings: Settings): Search {
  const { space, seed, objectives, first } = settings
  const directions = objectives.map(({ direction }) => direction)
  const fold = foldFor({ space, seed, directions }, settings.searcher, settings.population)
  const reported = settings.stopRule === null ? () => false : stopperFor(settings.stopRule)
  const sign = directions[0] === 'maximize' ? -1 : 1
  return {
    ask: (number) => (number < first.length ? { values: { ...first[number] } } : fold.ask(number - first.length)),
    happened(event) {
      if (event.type === 'reported') {
        return { stop: reported({ number: event.number, step: event.step, cost: sign * event.value }) }
      }
      fold.take(event)
      return { stop: false }
    },
  }
}

interface Fold {
  ask(number: number): Proposal | 'wait' | 'done'
  take(event: Exclude<SearchEvent, { type: 'reported' }>): void
}

/** Hides the state of a searcher, which is of another type for each. */
function foldOf<State>(problem: Problem, searcher: Searcher<State>): Fold {
  let state = searcher.begin(problem)
  return {
    ask: (number) => searcher.ask(state, number),
    take(event) {
      if (event.type === 'told') state = searcher.told(state, event.outcome)
      else state = searcher.asked(state, event.number, event.proposal)
    },
  }
}

function foldFor(problem: Problem, name: SearcherName, population: number): Fold {
  const folds: Record<SearcherName, () => Fold> = {
    grid: () => foldOf(problem, grid),
    random: () => foldOf(problem, randomSearch),
    sobol: () => foldOf(problem, sobol),
    tpe: () => foldOf(problem, tpe),
    'cma-es': () => foldOf(problem, cmaEs),
    population: () => foldOf(problem, populationOf(population)),
  }
  return folds[name]()
}

function stopperFor(settings: StopRuleSettings): (report: Report) => boolean {
  if (settings.type === 'asha') return stopper(asha(settings))
  if (settings.type === 'hyperband') return stopper(hyperband(settings))
  return stopper(medianRule(settings))
}

function stopper<State>(rule: StopRule<State>): (report: Report) => boolean {
  let state = rule.begin()
  return (report) => {
    const answer = rule.reported(state, report)
    state = answer.state
    return answer.stop
  }
}
