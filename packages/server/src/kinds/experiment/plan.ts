import type { ExperimentSpec, ExperimentState } from '@nabla/api/experiment'
import type { JobState } from '@nabla/api/job'
import type { Action } from '../../control/action.ts'
import type { ExperimentRow } from '../../db/experiment-tables.ts'
import { fromIso, toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { retryDelayMs, type StopReason } from '../job/plan.ts'
import { type ExperimentNode, nodesOf, waits } from './nodes.ts'

/** What the planner may change in an experiment's row. */
export type ExperimentChanges = Partial<
  Pick<ExperimentRow, 'state' | 'reason' | 'exitCode' | 'attempt' | 'startedAt' | 'endedAt'>
>

/** A node that is to become a job. */
export interface NewNode extends ExperimentNode {
  attempt: number
}

export type ExperimentAction = Action<ExperimentChanges, NewNode>

/** A job of the experiment's present attempt, as its planner sees it. */
export interface NodeJob {
  id: string
  role: string
  rank: number
  host: string
  state: JobState
  reason: string | null
  exitCode: number | null
  stopWhy: string | null
  stopRequestedAt: string | null
  startedAt: string | null
  endedAt: string | null
  /** Its command has begun. */
  isUp: boolean
  /** Whether another attempt could help, and who made this one fail. */
  blame: 'user' | 'machine' | 'nobody'
}

/** An experiment as its planner sees it. */
export interface ExperimentWant {
  row: ExperimentRow
  spec: ExperimentSpec
  jobs: readonly NodeJob[]
}

/**
 * Compares what an experiment should be with what its jobs are. Pure.
 * One node that fails ends all others; with retries, all of them are made again. A stop always wins.
 */
export function planExperiment(want: ExperimentWant, now: number): ExperimentAction[] {
  const { row, spec, jobs } = want
  if (row.endedAt !== null || row.startRequestedAt === null) return []
  if (jobs.length === 0) return beforeJobs(want, now)
  const active = jobs.filter(({ endedAt }) => endedAt === null)
  const failed = firstFailure(jobs)
  if (active.length === 0) return afterJobs(want, failed, now)
  if (row.stopRequestedAt !== null) return [...stopping(row, active, null, row.stopGraceMs, row.reason)]
  if (failed) return [...stopping(row, active, 'peer', limits.nodeGraceMs, failureOf(failed))]
  const needed = jobs.filter(({ role }) => !waits(spec, role))
  if (needed.every(({ endedAt }) => endedAt !== null)) {
    return [...stopping(row, active, 'finished', limits.nodeGraceMs, null)]
  }
  return [...duringJobs(want, now)]
}

function beforeJobs({ row, spec }: ExperimentWant, now: number): ExperimentAction[] {
  if (row.stopRequestedAt !== null) return [end('cancelled', null, stoppedByHand, now)]
  // It is tried again a little later; a row that was not woken by then waits on.
  if (row.wakeAt !== null && fromIso(row.wakeAt) > now) return []
  const children = nodesOf(spec).map((node) => ({ ...node, attempt: row.attempt }))
  return [
    { do: 'create', children },
    {
      do: 'setStatus',
      changes: { state: 'pending' },
      event: { type: 'experiment.queued', data: { attempt: row.attempt, nodes: children.length } },
    },
  ]
}

/** Asks all that still run to stop, each once. */
function* stopping(
  row: ExperimentRow,
  active: readonly NodeJob[],
  why: StopReason | null,
  graceMs: number,
  reason: string | null,
): Generator<ExperimentAction> {
  for (const { id, stopRequestedAt } of active) {
    if (stopRequestedAt === null) yield { do: 'stopChild', id, graceMs, why }
  }
  if (row.state === 'stopping') return
  const data = reason === null ? {} : { reason }
  yield { do: 'setStatus', changes: { state: 'stopping', reason }, event: { type: 'experiment.stopping', data } }
}

function* duringJobs({ row, spec, jobs }: ExperimentWant, now: number): Generator<ExperimentAction> {
  const placed = jobs.flatMap(({ startedAt }) => startedAt ?? [])
  const began = placed.toSorted()[0]
  if (placed.length < jobs.length || began === undefined) return
  const state = jobs.every(({ isUp }) => isUp) ? 'running' : 'provisioning'
  if (row.state !== state) {
    yield {
      do: 'setStatus',
      changes: { state, reason: null, startedAt: row.startedAt ?? began },
      event: { type: `experiment.${state}`, data: { attempt: row.attempt } },
    }
  }
  if (state === 'running' || spec.kind !== 'multi-node') return
  const leftMs = fromIso(began) + spec.startLimitSeconds * 1000 - now
  if (leftMs > 0) {
    if (row.wakeAt === null || fromIso(row.wakeAt) <= now) yield { do: 'wakeAt', at: now + leftMs }
    return
  }
  for (const { id, isUp, stopRequestedAt } of jobs) {
    if (!isUp && stopRequestedAt === null) yield { do: 'stopChild', id, graceMs: 0, why: 'late' }
  }
}

function afterJobs(want: ExperimentWant, failed: NodeJob | undefined, now: number): ExperimentAction[] {
  const { row, spec, jobs } = want
  if (!failed || (failed.state === 'cancelled' && row.stopRequestedAt !== null)) {
    const done = jobs.every(({ state }) => state === 'succeeded')
    return [done ? end('succeeded', 0, null, now) : end('cancelled', null, stoppedByHand, now)]
  }
  if (!mayRetry(want, failed)) {
    const state = failed.state === 'failed' || failed.state === 'cancelled' ? failed.state : 'error'
    const exitCode = state === 'failed' ? failed.exitCode : null
    return [end(state, exitCode, spec.kind === 'multi-node' ? failureOf(failed) : failed.reason, now)]
  }
  const failure = `Attempt ${row.attempt}: ${failureOf(failed)}`
  return [
    {
      do: 'setStatus',
      changes: { state: 'pending', attempt: row.attempt + 1, reason: failure },
      event: { type: 'experiment.retrying', data: { attempt: row.attempt, reason: failureOf(failed) } },
    },
    { do: 'wakeAt', at: now + retryDelayMs(row.attempt) },
  ]
}

/** The job of a single node is tried again by itself. */
function mayRetry({ row, spec }: ExperimentWant, failed: NodeJob): boolean {
  if (spec.kind !== 'multi-node' || row.stopRequestedAt !== null || row.attempt > spec.retries) return false
  if (failed.blame === 'nobody') return false
  return spec.retryOn === 'any' || failed.blame === 'machine'
}

/** The one that failed first: what came after is most often its consequence. */
function firstFailure(jobs: readonly NodeJob[]): NodeJob | undefined {
  const failed = jobs.filter(
    ({ endedAt, state, stopWhy, stopRequestedAt }) =>
      endedAt !== null && state !== 'succeeded' && (stopWhy === 'late' || !endedByUs(stopWhy, stopRequestedAt)),
  )
  return failed.toSorted((a, b) => (a.endedAt === b.endedAt ? a.rank - b.rank : a.endedAt! < b.endedAt! ? -1 : 1))[0]
}

/** Somebody who stops a single job stops the experiment; what the experiment stopped is no failure. */
const endedByUs = (stopWhy: string | null, stopRequestedAt: string | null): boolean =>
  stopRequestedAt !== null && stopWhy !== null

const failureOf = ({ host, reason }: NodeJob): string => `${host}: ${reason ?? 'It did not succeed.'}`

const stoppedByHand = 'It was stopped by hand.'

function end(state: ExperimentState, exitCode: number | null, reason: string | null, now: number): ExperimentAction {
  return {
    do: 'setStatus',
    changes: { state, exitCode, reason, endedAt: toIso(now) },
    event: { type: `experiment.${state}`, data: { exitCode, ...(reason === null ? {} : { reason }) } },
  }
}
