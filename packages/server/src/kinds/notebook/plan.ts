import type { NotebookSpec, NotebookState } from '@nabla/api/notebook'
import type { Action } from '../../control/action.ts'
import type { NotebookRow } from '../../db/notebook-tables.ts'
import { fromIso, toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { NewTask, Task } from '../../tasks/task.ts'
import { verdictOf } from './verdict.ts'

/** What the planner may change in a notebook's row. */
export type NotebookChanges = Partial<
  Pick<NotebookRow, 'state' | 'reason' | 'startedAt' | 'seededAt' | 'rebuildRequestedAt' | 'warnedAt' | 'stopsAt'>
> & { endedAt?: string }

export type NotebookAction = Action<NotebookChanges>

/** A notebook as its planner sees it. */
export interface NotebookWant {
  row: NotebookRow
  spec: NotebookSpec
  /** That of the present session; null: there never was one. */
  task: NewTask | null
}

/** Compares what a notebook should be with what its tasks are. Pure. A stop always wins. */
export function planNotebook(want: NotebookWant, tasks: readonly Task[], now: number): NotebookAction[] {
  const { row } = want
  if (row.endedAt !== null || want.task === null) return []
  const task = tasks.find(({ attempt }) => attempt === row.session)
  if (!task) {
    if (row.stopRequestedAt !== null) return [end('stopped', 'It was stopped by hand.', now)]
    return [{ do: 'addTask', task: want.task }]
  }
  if (task.state === 'ended') {
    const { state, reason } = verdictOf(want, task)
    return [end(state, reason, now)]
  }
  return [...duringTask(want, task, now)]
}

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
  else yield* whileReady(want, task, now)
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
  const { row, spec } = want
  if (row.state !== 'running') {
    const changes = { seededAt: row.seededAt ?? row.readyAt, rebuildRequestedAt: null }
    yield status('running', null, changes)
  }
  if (spec.timeLimitSeconds === null) return
  const at = now + spec.timeLimitSeconds * 1000 + row.extendedMs - task.ranMs
  if (at <= now) {
    yield { do: 'note', attempt: task.attempt, text: `The time limit of ${spec.timeLimitSeconds} s is reached.` }
    yield { do: 'stopTask', taskId: task.id, graceMs: limits.notebookGraceMs, why: 'time-limit' }
    return
  }
  if (row.wakeAt === null || fromIso(row.wakeAt) <= now) yield { do: 'wakeAt', at }
}

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
