import { exitCodeMeanings, type JobSpec, type JobState } from '@nabla/api/job'
import type { Action } from '../../control/action.ts'
import type { JobRow } from '../../db/tables.ts'
import type { TaskExit } from '../../engines/engine.ts'
import { fromIso, toIso } from '../../lib/clock.ts'
import type { NewTask, Task } from '../../tasks/task.ts'
import type { WantedVersion } from '../dataset/mounts.ts'

/** What the planner may change in a job's row. */
export type JobChanges = Partial<Pick<JobRow, 'state' | 'reason' | 'exitCode' | 'attempt' | 'startedAt' | 'endedAt'>>

export type JobAction = Action<JobChanges>

/** A job as its planner sees it: its row, its spec, and how its task would look. */
export interface JobWant {
  row: JobRow
  spec: JobSpec
  /** Versions of datasets that it reads and that are not ready. */
  wanted: readonly WantedVersion[]
  taskFor(attempt: number): NewTask
}

/** Wait before the n-th retry: 1 s, 2 s, 4 s … at most a minute, so that a job that fails at once does no harm. */
export const retryDelayMs = (failures: number): number => Math.min(60_000, 1000 * 2 ** (failures - 1))

/** How a job ends, by how its task did. */
interface Verdict {
  state: JobState
  exitCode: number | null
  reason: string | null
  blame: 'user' | 'machine' | 'nobody'
}

/**
 * Compares what a job should be with what its tasks are. Pure.
 * A stop always wins: once it is asked for, no further attempt is made.
 */
export function planJob(want: JobWant, tasks: readonly Task[], now: number): JobAction[] {
  const { row } = want
  if (row.endedAt !== null) return []
  const latest = tasks.at(-1)
  if (!latest) {
    if (row.stopRequestedAt !== null) return [end(stopped(null, row.stopWhy), now)]
    return want.wanted.length > 0 ? beforeTask(want, now) : [{ do: 'addTask', task: want.taskFor(1) }]
  }
  if (latest.state === 'ended') return afterTask(want, latest, now)
  return [...duringTask(want, latest, now)]
}

/** It is not queued before all that it reads is there: it would hold a place for nothing. */
function beforeTask({ row, wanted }: JobWant, now: number): JobAction[] {
  const failed = wanted.find(({ state }) => state === 'failed')
  if (failed) {
    const reason = `Version ${failed.version} of the dataset ${failed.name} could not be prepared: ${failed.reason ?? ''}`
    return [end({ state: 'error', exitCode: null, reason, blame: 'user' }, now)]
  }
  const names = wanted.map(({ name, version }) => `${name}:${version}`).join(', ')
  const reason = `It waits for ${names}, which ${wanted.length === 1 ? 'is' : 'are'} being prepared.`
  if (row.reason === reason) return []
  return [{ do: 'setStatus', changes: { reason }, event: { type: 'job.waiting', data: { reason } } }]
}

function* duringTask({ row, spec }: JobWant, task: Task, now: number): Generator<JobAction> {
  const begun = task.state !== 'queued'
  if (begun && row.state === 'pending') {
    yield {
      do: 'setStatus',
      changes: { state: 'running', reason: null, attempt: task.attempt, startedAt: row.startedAt ?? toIso(now) },
      event: { type: 'job.started', data: { attempt: task.attempt } },
    }
  }
  if (task.desired === 'stop') return
  if (row.stopRequestedAt !== null) {
    yield { do: 'stopTask', taskId: task.id, graceMs: row.stopGraceMs, why: row.stopWhy ?? 'user' }
    return
  }
  if (spec.timeLimitSeconds === null || task.state !== 'running') return
  const leftMs = spec.timeLimitSeconds * 1000 - task.ranMs
  if (leftMs > 0) {
    if (row.wakeAt === null || fromIso(row.wakeAt) <= now) yield { do: 'wakeAt', at: now + leftMs }
    return
  }
  yield { do: 'note', attempt: task.attempt, text: `The time limit of ${spec.timeLimitSeconds} s is reached.` }
  yield { do: 'stopTask', taskId: task.id, graceMs: 10_000, why: 'time-limit' }
}

function afterTask(want: JobWant, task: Task, now: number): JobAction[] {
  const { row, spec } = want
  const verdict = judge(task, spec, row.stopRequestedAt !== null)
  if (!mayRetry(verdict, spec, task, row)) return [end(verdict, now)]
  // Also when the clock was set back past the end: nobody should wait for the clock to catch up.
  const waitedMs = Math.abs(now - fromIso(task.endedAt ?? toIso(now)))
  const delayMs = retryDelayMs(task.attempt)
  if (row.state === 'pending' && waitedMs >= delayMs) return [{ do: 'addTask', task: want.taskFor(task.attempt + 1) }]
  if (row.state === 'pending') return row.wakeAt === null ? [{ do: 'wakeAt', at: now + delayMs - waitedMs }] : []
  const failure = verdict.reason ?? 'It failed.'
  return [
    { do: 'note', attempt: task.attempt, text: `Attempt ${task.attempt} failed: ${failure} It will be tried again.` },
    {
      do: 'setStatus',
      changes: { state: 'pending', reason: `Attempt ${task.attempt}: ${failure}` },
      event: { type: 'job.retrying', data: { attempt: task.attempt, reason: failure } },
    },
    { do: 'wakeAt', at: now + Math.max(0, delayMs - waitedMs) },
  ]
}

function mayRetry(verdict: Verdict, spec: JobSpec, task: Task, row: JobRow): boolean {
  if (row.stopRequestedAt !== null || task.stopReason !== null) return false
  if (verdict.blame === 'nobody' || task.attempt > spec.retries) return false
  return spec.retryOn === 'any' || verdict.blame === 'machine'
}

/** What a task that ended makes of its job. */
export function judge(task: Task, spec: JobSpec, stopRequested: boolean): Verdict {
  const exit: TaskExit = task.exit ?? { cause: 'lost', code: null, blame: 'machine' }
  const code = exit.code
  if (exit.cause === 'exit' && code === 0 && task.stopReason !== 'user') {
    return { state: 'succeeded', exitCode: 0, reason: null, blame: 'nobody' }
  }
  if (task.stopReason === 'time-limit') {
    const reason = `It was stopped at its time limit of ${spec.timeLimitSeconds} s.`
    return { state: 'error', exitCode: code, reason, blame: 'user' }
  }
  if (task.stopReason === 'quota') {
    const reason = 'It was stopped because it went on writing to /storage when the storage of the team was full.'
    return { state: 'error', exitCode: code, reason, blame: 'user' }
  }
  if (stopRequested || task.stopReason === 'user') return stopped(code, task.stopReason)
  if (exit.cause === 'setup' || exit.cause === 'lost') {
    const reason = exit.reason ?? 'The machine lost it before it ended.'
    return { state: 'error', exitCode: null, reason, blame: exit.blame }
  }
  return { state: 'failed', exitCode: code, reason: exit.reason ?? sentenceFor(code), blame: exit.blame }
}

function sentenceFor(code: number | null): string {
  const meaning = code === null ? undefined : exitCodeMeanings[code]
  return meaning ? `Exit code ${code}: ${meaning}.` : `The command ended with exit code ${code}.`
}

/** Why a job is stopped that is one of several nodes, and what it then is. Nobody asked for that by hand. */
export const stopReasons = {
  finished: { state: 'succeeded', reason: 'It was ended when the other nodes had finished.' },
  peer: { state: 'cancelled', reason: 'It was ended because another node had failed.' },
  late: { state: 'error', reason: 'Its command did not begin in time.' },
  rule: { state: 'cancelled', reason: 'It was stopped early, by the rule of its sweep.' },
} as const satisfies Record<string, { state: JobState; reason: string }>

export type StopReason = keyof typeof stopReasons

function stopped(exitCode: number | null, why: string | null): Verdict {
  const known = why !== null && why in stopReasons ? stopReasons[why as StopReason] : undefined
  if (known?.state === 'succeeded') return { ...known, exitCode: null, blame: 'nobody' }
  if (known) return { ...known, exitCode, blame: 'nobody' }
  return { state: 'cancelled', exitCode, reason: 'It was stopped by hand.', blame: 'nobody' }
}

function end(verdict: Verdict, now: number): JobAction {
  const { state, exitCode, reason } = verdict
  return {
    do: 'setStatus',
    changes: { state, exitCode, reason, endedAt: toIso(now) },
    event: { type: `job.${state}`, data: { exitCode, ...(reason === null ? {} : { reason }) } },
  }
}
