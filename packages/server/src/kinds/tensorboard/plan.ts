import type { TensorboardState } from '@nabla/api/tensorboard'
import type { Action } from '../../control/action.ts'
import type { TensorboardRow } from '../../db/tensorboard-tables.ts'
import { fromIso, toIso } from '../../lib/clock.ts'
import type { NewTask, Task } from '../../tasks/task.ts'

/** What the planner may change in the row of a TensorBoard. */
export type TensorboardChanges = Partial<
  Pick<TensorboardRow, 'state' | 'reason' | 'attempt' | 'restart' | 'startedAt' | 'stopRequestedAt' | 'endedAt'>
>

export type TensorboardAction = Action<TensorboardChanges>

/** One as its planner sees it: its row, and how its task would look. */
export interface TensorboardWant {
  row: TensorboardRow
  taskFor(attempt: number): NewTask
}

/** Files are only read: there is nothing to bring to an end. */
const graceMs = 3000

/** Compares what a TensorBoard should be with what its tasks are. Pure. */
export function planTensorboard(want: TensorboardWant, tasks: readonly Task[], now: number): TensorboardAction[] {
  const { row } = want
  if (row.endedAt !== null) return []
  const task = tasks.find(({ attempt }) => attempt === row.attempt)
  const unwanted = row.stopRequestedAt !== null || row.deletedAt !== null
  if (!task) return unwanted ? [end('stopped', null, now)] : [{ do: 'addTask', task: want.taskFor(row.attempt) }]
  if (task.state === 'ended') return afterTask(want, task, unwanted, now)
  if (unwanted || row.restart > 0) return stop(row, task, unwanted)
  return [...duringTask(row, task, now)]
}

function stop(row: TensorboardRow, task: Task, unwanted: boolean): TensorboardAction[] {
  const state: TensorboardState = unwanted ? 'stopping' : 'starting'
  return [
    ...(task.desired === 'stop' ? [] : [{ do: 'stopTask' as const, taskId: task.id, graceMs, why: 'user' }]),
    ...(row.state === state ? [] : [{ do: 'setStatus' as const, changes: { state, reason: null } }]),
  ]
}

function* duringTask(row: TensorboardRow, task: Task, now: number): Generator<TensorboardAction> {
  if (task.state !== 'running') return
  if (row.state === 'starting') {
    const changes = { state: 'running', reason: null, startedAt: toIso(now) }
    yield { do: 'setStatus', changes, event: { type: 'tensorboard.started' } }
  }
  if (task.desired === 'stop') return
  const idleAt = fromIso(row.usedAt) + row.idleMinutes * 60_000
  if (idleAt <= now) yield { do: 'stopTask', taskId: task.id, graceMs, why: 'idle' }
  else if (row.wakeAt === null || fromIso(row.wakeAt) <= now) yield { do: 'wakeAt', at: idleAt }
}

function afterTask(want: TensorboardWant, task: Task, unwanted: boolean, now: number): TensorboardAction[] {
  const { row } = want
  if (unwanted) return [end('stopped', null, now)]
  if (row.restart > 0) {
    const attempt = row.attempt + 1
    const changes = { attempt, restart: 0, state: 'starting', reason: null }
    return [
      { do: 'setStatus', changes },
      { do: 'addTask', task: want.taskFor(attempt) },
    ]
  }
  if (task.stopReason === 'idle') {
    return [end('stopped', `Nobody used it for ${row.idleMinutes} minutes. Opening it starts it again.`, now)]
  }
  const code = task.exit?.code
  const byItself = code === null || code === undefined ? 'The machine lost it.' : `It ended with exit code ${code}.`
  return [end('failed', task.exit?.reason ?? byItself, now)]
}

function end(state: TensorboardState, reason: string | null, now: number): TensorboardAction {
  const changes = { state, reason, restart: 0, stopRequestedAt: null, endedAt: toIso(now) }
  const data = reason === null ? {} : { reason }
  return { do: 'setStatus', changes, event: { type: `tensorboard.${state}`, data } }
}
