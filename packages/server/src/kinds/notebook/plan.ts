import type { NotebookActivity, NotebookSpec, NotebookState } from '@nabla/api/notebook'
import type { Action } from '../../control/action.ts'
import type { NotebookRow } from '../../db/notebook-tables.ts'
import { fromIso, toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { NewTask, Task } from '../../tasks/task.ts'
import { decideIdle, type IdleDecision } from './idle.ts'
import { verdictOf } from './verdict.ts'

/** What the planner may change in a notebook's row. */
export type NotebookChanges = Partial<
  Pick<NotebookRow, 'state' | 'reason' | 'startedAt' | 'seededAt' | 'warnedAt' | 'stopsAt'>
> & { endedAt?: string }

export type NotebookAction = Action<NotebookChanges>

/** A notebook as its planner sees it. */
export interface NotebookWant {
  row: NotebookRow
  spec: NotebookSpec
  /** That of the present session; null: there never was one. */
  task: NewTask | null
  /** The files of a session before are still being made a version of: nothing may change them yet. */
  isSaving: boolean
}

/** Compares what a notebook should be with what its tasks are. Pure. A stop always wins. */
export function planNotebook(want: NotebookWant, tasks: readonly Task[], now: number): NotebookAction[] {
  const { row } = want
  if (row.endedAt !== null || want.task === null) return []
  const task = tasks.find(({ attempt }) => attempt === row.session)
  if (!task) {
    if (row.stopRequestedAt !== null) return [end('stopped', 'It was stopped by hand.', now)]
    if (want.isSaving) return row.reason === whileSaving ? [] : [status('pending', whileSaving)]
    return [{ do: 'addTask', task: want.task }]
  }
  if (task.state === 'ended') {
    const { state, reason } = verdictOf(want, task)
    return [end(state, reason, now)]
  }
  return [...duringTask(want, task, now)]
}

const whileSaving = 'It starts as soon as the files of its last session are saved.'

function* duringTask(want: NotebookWant, task: Task, now: number): Generator<NotebookAction> {
  const { row } = want
  if (task.desired === 'stop') {
    if (row.state !== 'stopping') yield status('stopping', row.reason)
    return
  }
  if (row.stopRequestedAt !== null) {
    yield { do: 'stopTask', taskId: task.id, graceMs: row.stopGraceMs, why: 'user' }
    yield status('stopping', null)
    return
  }
  if (task.state === 'queued') return
  if (row.readyAt === null) yield* beforeReady(want, task, now)
  // It may answer a moment before its task is known to run.
  else if (task.state === 'running') yield* whileReady(want, task, now)
}

/** Its files, its image and its environment take as long as they take; Jupyter itself has to answer in time. */
function* beforeReady({ row }: NotebookWant, task: Task, now: number): Generator<NotebookAction> {
  if (row.state === 'pending') yield status('provisioning', null, { startedAt: toIso(now) })
  if (task.state !== 'running' || task.startedAt === null) return
  const [since, limitMs] =
    row.jupyterAt === null ? [task.startedAt, limits.notebookPackagesMs] : [row.jupyterAt, limits.notebookAnswerMs]
  const at = fromIso(since) + limitMs
  if (at > now) {
    if (row.wakeAt === null || fromIso(row.wakeAt) <= now || fromIso(row.wakeAt) > at) yield { do: 'wakeAt', at }
    return
  }
  yield { do: 'note', attempt: task.attempt, text: `It did not answer within ${limitMs / 1000} s.` }
  yield { do: 'stopTask', taskId: task.id, graceMs: 0, why: row.jupyterAt === null ? 'no-packages' : 'no-answer' }
}

function* whileReady(want: NotebookWant, task: Task, now: number): Generator<NotebookAction> {
  const { row } = want
  if (row.state !== 'running') {
    yield status('running', null, { seededAt: row.seededAt ?? row.readyAt })
  }
  const { stop, stopsAt, isWarned, againAt } = idleOf(want, task, now)
  if (stop !== null) {
    const what = stop === 'idle' ? 'It was not used' : 'Its time limit is reached'
    yield { do: 'note', attempt: task.attempt, text: `${what}: it is stopped.` }
    yield { do: 'stopTask', taskId: task.id, graceMs: limits.notebookGraceMs, why: stop }
    return
  }
  const at = stopsAt === null ? null : toIso(stopsAt)
  if (isWarned && row.warnedAt === null) {
    const event = { type: 'notebook.warned', data: { stopsAt: at } }
    yield { do: 'setStatus', changes: { warnedAt: toIso(now), stopsAt: at }, event }
  } else if (!isWarned && row.warnedAt !== null) {
    yield { do: 'setStatus', changes: { warnedAt: null, stopsAt: at }, event: { type: 'notebook.in_use' } }
  } else if (!isNear(at, row.stopsAt)) yield { do: 'setStatus', changes: { stopsAt: at } }
  const isDue = row.wakeAt !== null && fromIso(row.wakeAt) <= now
  if (isDue || !isNear(againAt === null ? null : toIso(againAt), row.wakeAt)) yield { do: 'wakeAt', at: againAt }
}

/** When a notebook that answers is to stop, by its row and the time that its task has run. Pure. */
function idleOf({ row, spec }: NotebookWant, task: Task, now: number): IdleDecision {
  const { idleLimitSeconds, timeLimitSeconds } = spec
  const seen = row.activity === null ? null : (JSON.parse(row.activity) as NotebookActivity)
  const readyAt = row.readyAt === null ? now : fromIso(row.readyAt)
  const lookedAt = seen && fromIso(seen.at)
  return decideIdle({
    now,
    readyAt,
    usedAt: row.lastActivityAt === null ? null : fromIso(row.lastActivityAt),
    lookedAt: lookedAt !== null && lookedAt >= readyAt ? lookedAt : null,
    idleLimitMs: idleLimitSeconds === null ? null : idleLimitSeconds * 1000,
    extendedUntil: row.extendedUntil === null ? null : fromIso(row.extendedUntil),
    hardAt: timeLimitSeconds === null ? null : now + timeLimitSeconds * 1000 + row.extendedMs - task.ranMs,
    warnedAt: row.warnedAt === null ? null : fromIso(row.warnedAt),
  })
}

/** A hard limit counts what a task has run, to the millisecond: writing that down each time would be work for nothing. */
const isNear = (one: string | null, other: string | null): boolean =>
  one === null || other === null ? one === other : Math.abs(fromIso(one) - fromIso(other)) < 2000

function status(state: NotebookState, reason: string | null, more: NotebookChanges = {}): NotebookAction {
  return {
    do: 'setStatus',
    changes: { state, reason, ...more },
    event: { type: `notebook.${state}`, data: reason === null ? {} : { reason } },
  }
}

function end(state: NotebookState, reason: string | null, now: number): NotebookAction {
  return status(state, reason, { endedAt: toIso(now), warnedAt: null, stopsAt: null })
}
