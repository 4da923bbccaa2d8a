import type { SweepSpec } from '@nabla/api/experiment'
import { amountText } from '@nabla/api/sweep-views'
import type { SweepRow } from '../../db/sweep-tables.ts'
import type { ExperimentRow } from '../../db/experiment-tables.ts'
import { fromIso, toIso } from '../../lib/clock.ts'
import type { ExperimentAction, NodeJob } from '../experiment/plan.ts'

/** A sweep as its planner sees it. `jobs` are those of its trials that have not ended. */
export interface SweepWant {
  row: ExperimentRow
  spec: SweepSpec
  sweep: SweepRow
  jobs: readonly NodeJob[]
}

/** Jobs that are made in one pass: keeps its transaction short. */
const trialsAtOnce = 50

/**
 * Compares how many trials should run with how many do. Pure. Which values a new trial gets is for the searcher to say
 * when it is made; what a trial came to is written down by the `Teller`.
 */
export function planSweep(want: SweepWant, now: number): ExperimentAction[] {
  const { row, sweep, jobs } = want
  if (row.endedAt !== null || row.startRequestedAt === null) return []
  const running = sweep.asked - sweep.complete - sweep.stopped - sweep.failed
  if (row.stopRequestedAt !== null) return [...stopping(want, now)]
  const over = whyOver(want, now)
  if (over !== null && running === 0) return [end(want, over, now)]
  return [...begin(want, now), ...(over === null ? more(want, running, jobs.length) : [])]
}

function* stopping({ row, jobs }: SweepWant, now: number): Generator<ExperimentAction> {
  for (const { id, stopRequestedAt } of jobs) {
    if (stopRequestedAt === null) yield { do: 'stopChild', id, graceMs: row.stopGraceMs, why: null }
  }
  if (jobs.length > 0 && row.state !== 'stopping') {
    yield { do: 'setStatus', changes: { state: 'stopping' }, event: { type: 'experiment.stopping' } }
  }
  if (jobs.length > 0) return
  const reason = 'It was stopped by hand.'
  yield {
    do: 'setStatus',
    changes: { state: 'cancelled', exitCode: null, reason, endedAt: toIso(now) },
    event: { type: 'experiment.cancelled', data: { reason } },
  }
}

/** Why no further trial is begun, in a sentence; null: there are more to come. */
export function whyOver({ row, spec, sweep, jobs }: SweepWant, now: number): string | null {
  const { mostFailures, timeLimitSeconds, costLimit } = spec.search
  if (sweep.failureStreak >= mostFailures) {
    return `${sweep.failureStreak} trials failed one after the other; the last: ${sweep.lastFailure ?? 'no reason'}`
  }
  if (sweep.exhaustedAt !== null) return 'Every combination has been tried.'
  if (sweep.asked >= sweep.mostTrials) return `All ${sweep.mostTrials} trials have been run.`
  if (costLimit !== null && spentBy(sweep, jobs, now) >= costLimit) {
    return `Its ${amountText(costLimit)} are spent: no trial begins beyond that.`
  }
  if (timeLimitSeconds === null || row.startedAt === null) return null
  return now - fromIso(row.startedAt) >= timeLimitSeconds * 1000 ? `Its ${timeLimitSeconds} s are over.` : null
}

function end({ spec, sweep }: SweepWant, over: string, now: number): ExperimentAction {
  const failed = sweep.complete + sweep.stopped === 0 || sweep.failureStreak >= spec.search.mostFailures
  const reason = failed && sweep.failureStreak < spec.search.mostFailures ? `${over} None of them succeeded.` : over
  const state = failed ? 'failed' : 'succeeded'
  return {
    do: 'setStatus',
    changes: { state, exitCode: failed ? 1 : 0, reason, endedAt: toIso(now) },
    event: { type: `experiment.${state}`, data: { reason } },
  }
}

function* begin({ row, spec }: SweepWant, now: number): Generator<ExperimentAction> {
  if (row.startedAt === null) {
    const changes = { state: 'running', startedAt: toIso(now) }
    yield { do: 'setStatus', changes, event: { type: 'experiment.running', data: { attempt: row.attempt } } }
  }
  const { timeLimitSeconds } = spec.search
  if (timeLimitSeconds === null) return
  const endsAt = fromIso(row.startedAt ?? toIso(now)) + timeLimitSeconds * 1000
  if (row.wakeAt === null && endsAt > now) yield { do: 'wakeAt', at: endsAt }
}

/** A sweep without a command waits for programs that ask. */
function more({ row, spec, sweep }: SweepWant, running: number, jobs: number): ExperimentAction[] {
  if (spec.command === undefined || sweep.pausedAt !== null) return []
  // What a trial cost that has ended is known when its values have been read: until then none begins on credit.
  if (spec.search.costLimit !== null && running > jobs) return []
  // Trials whose jobs have ended and whose values are being read still count as running.
  const room = Math.min(sweep.parallel - Math.max(running, jobs), sweep.mostTrials - sweep.asked, trialsAtOnce)
  if (room <= 0) return []
  const children = Array.from({ length: room }, (_, at) => {
    const index = sweep.asked + at
    return { role: 'trial', index, rank: index, host: `trial-${index}`, attempt: row.attempt }
  })
  return [{ do: 'create', children }]
}

/** When a job began and ended. */
export interface Span {
  startedAt: string | null
  endedAt: string | null
}

const hourMs = 3_600_000

/** What a job has cost until now: null where no price is known. One that never began has cost nothing. */
export function costOf({ startedAt, endedAt }: Span, pricePerHour: number | null, now: number): number | null {
  if (pricePerHour === null) return null
  if (startedAt === null) return 0
  const until = endedAt === null ? now : fromIso(endedAt)
  return (Math.max(0, until - fromIso(startedAt)) / hourMs) * pricePerHour
}

/** What all trials of a sweep have cost until now; `jobs` are those of trials that count as running. */
export function spentBy(
  { spent, pricePerHour }: Pick<SweepRow, 'spent' | 'pricePerHour'>,
  jobs: readonly Span[],
  now: number,
): number {
  return jobs.reduce((sum, job) => sum + (costOf(job, pricePerHour, now) ?? 0), spent)
}
