/**
 * Rules that stop a trial early, by what it and others have logged so far. Each is a fold over reports in the order in
 * which they came, as searchers are over trials.
 */
export interface StopRule<State> {
  begin(): State
  /** A trial logged `cost` (less is better) at `step`. Answers whether it should stop. */
  reported(state: State, report: Report): { state: State; stop: boolean }
}

export interface Report {
  number: number
  step: number
  cost: number
}

interface Rungs {
  /** Costs by rung, as trials came to it. */
  costs: Map<number, number[]>
  /** The next rung of each trial. */
  next: Map<number, number>
}

/**
 * ASHA with early stopping: Li et al., A System for Massively Parallel Hyperparameter Tuning (MLSys 2020). At rungs of
 * `first`, `first * factor`, `first * factor^2` … steps a trial goes on if it is among the best `1/factor` of all that
 * came there so far.
 */
export function asha({ first, factor }: { first: number; factor: number }): StopRule<Rungs> {
  return {
    begin: () => ({ costs: new Map(), next: new Map() }),
    reported(state, { number, step, cost }) {
      for (;;) {
        const rung = state.next.get(number) ?? 0
        if (step < first * factor ** rung) return { state, stop: false }
        const costs = [...(state.costs.get(rung) ?? []), Number.isNaN(cost) ? Infinity : cost]
        state.costs.set(rung, costs)
        state.next.set(number, rung + 1)
        if (!isAmongBest(costs, Math.max(1, Math.floor(costs.length / factor)))) return { state, stop: true }
      }
    },
  }
}

function isAmongBest(costs: readonly number[], places: number): boolean {
  const own = costs.at(-1) ?? Infinity
  return own < Infinity && costs.filter((cost) => cost < own).length < places
}

/**
 * Hyperband: Li et al., Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization (JMLR 2018). Trials are
 * dealt to brackets of ASHA that begin at later and later rungs, so that those which are slow to begin have their chance.
 */
export function hyperband({ first, last, factor }: { first: number; last: number; factor: number }): StopRule<Rungs[]> {
  const brackets = Math.floor(Math.log(last / first) / Math.log(factor) + 1e-9) + 1
  const rules = Array.from({ length: brackets }, (_, at) => asha({ first: first * factor ** at, factor }))
  const deal = dealOf(brackets, factor)
  return {
    begin: () => rules.map((rule) => rule.begin()),
    reported(state, report) {
      const bracket = deal[report.number % deal.length] ?? 0
      const rule = rules[bracket] as StopRule<Rungs>
      const { stop } = rule.reported(state[bracket] as Rungs, report)
      return { state, stop }
    },
  }
}

/** The bracket of each of so many trials: as many of each as Hyperband gives it, spread evenly. */
function dealOf(brackets: number, factor: number): number[] {
  const sizes = Array.from({ length: brackets }, (_, at) => {
    const left = brackets - 1 - at
    return Math.ceil((brackets / (left + 1)) * factor ** left)
  })
  return sizes
    .flatMap((size, bracket) => Array.from({ length: size }, (_, at) => ({ bracket, place: (at + 0.5) / size })))
    .toSorted((a, b) => a.place - b.place || a.bracket - b.bracket)
    .map(({ bracket }) => bracket)
}

interface Curves {
  /** Of each trial the steps it reported, rising, and the least cost up to each. */
  best: Map<number, { steps: number[]; costs: number[] }>
}

/**
 * The median rule: Golovin et al., Google Vizier (KDD 2017), section 3.2.2, with the best cost so far in place of the mean.
 * A trial stops when it is worse than the median of the others at that step; `trials` must have come that far, and
 * nothing stops before `warmup` steps.
 */
export function medianRule({ trials, warmup }: { trials: number; warmup: number }): StopRule<Curves> {
  return {
    begin: () => ({ best: new Map() }),
    reported(state, { number, step, cost }) {
      const curve = state.best.get(number) ?? { steps: [], costs: [] }
      const own = Math.min(curve.costs.at(-1) ?? Infinity, Number.isNaN(cost) ? Infinity : cost)
      curve.steps.push(Math.max(step, curve.steps.at(-1) ?? step))
      curve.costs.push(own)
      state.best.set(number, curve)
      if (step < warmup) return { state, stop: false }
      const others = [...state.best].filter(([other]) => other !== number).flatMap(([, one]) => costAt(one, step))
      return { state, stop: others.length >= trials && own > median(others) }
    },
  }
}

/** The best cost up to a step, of a trial that came so far. */
function costAt({ steps, costs }: { steps: number[]; costs: number[] }, step: number): number[] {
  if ((steps.at(-1) ?? -Infinity) < step) return []
  const at = steps.findLastIndex((one) => one <= step)
  return at === -1 ? [] : [costs[at] ?? Infinity]
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2
}
