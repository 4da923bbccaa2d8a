/** The rows of sweeps; see `tables.ts`. */
export interface SweepTables {
  sweeps: SweepRow
  trials: TrialRow
  trialEvents: TrialEventRow
}

/** What an experiment that is a sweep has besides. Whoever writes a trial updates it first, so that one does at a time. */
export interface SweepRow {
  experimentId: string
  mostTrials: number
  parallel: number
  /** Trials that were asked for, and how those ended that have. */
  asked: number
  complete: number
  stopped: number
  failed: number
  failureStreak: number
  /** Why the last one failed that did. */
  lastFailure: string | null
  /** Number of the newest event. */
  lastSeq: number
  pausedAt: string | null
  /** Since when its searcher has nothing left to try. */
  exhaustedAt: string | null
  /** Of the machine type of its trials when it was made; null: none is known. */
  pricePerHour: number | null
  /** What the trials have cost that have ended. */
  spent: number
}

export interface TrialRow {
  experimentId: string
  number: number
  /** JSON: values by parameter. */
  parameters: string
  generation: number | null
  fromTrial: number | null
  /** `running`, `complete`, `stopped` or `failed`. */
  state: string
  /** JSON array, by objective. */
  objectives: string | null
  step: number
  /** How many values of its metric have been told to the rule that stops trials. */
  reports: number
  reason: string | null
  jobId: string | null
  stopRequestedAt: string | null
  askedAt: string
  endedAt: string | null
  /** Once it has ended; null where it has no job or no price is known. */
  cost: number | null
}

/** What happened to trials, in the order that the searcher was told: a search is made anew from it. */
export interface TrialEventRow {
  experimentId: string
  seq: number
  /** Random: tells an event from one of the same number that was rolled back. */
  mark: string
  /** JSON of `SearchEvent`. */
  event: string
}
