import { exitCodeMeanings } from '@nabla/api/job'
import type { InstanceState } from '@nabla/api/deployment'
import type { Action } from '../../control/action.ts'
import type { InstanceRow } from '../../db/deployment-tables.ts'
import { fromIso, toIso } from '../../lib/clock.ts'
import type { NewTask, Task } from '../../tasks/task.ts'

/** What the planner may change in the row of an instance. */
export type InstanceChanges = Partial<
  Pick<
    InstanceRow,
    'state' | 'reason' | 'restarts' | 'readyAt' | 'restartAt' | 'restartWhy' | 'startedAt' | 'endedAt' | 'drainedAt'
  >
>

export type InstanceAction = Action<InstanceChanges>

/** An instance as its planner sees it. */
export interface InstanceWant {
  row: InstanceRow
  taskFor(attempt: number): NewTask
}

/** Pause before the n-th start anew: 1 s, 2 s, 4 s … at most a minute. */
export const restartDelayMs = (restarts: number): number => Math.min(60_000, 1000 * 2 ** Math.max(0, restarts - 1))

/** A command that ran this long before it ended is not one that ends at once: the pauses begin anew. */
const stableMs = 600_000

/** How long a command has to end when it was asked to, once nothing is under way any more. */
const stopGraceMs = 10_000

/** Compares what an instance should be with what its task is. Pure. */
export function planInstance(want: InstanceWant, tasks: readonly Task[], now: number): InstanceAction[] {
  const { row } = want
  if (row.endedAt !== null) return []
  const task = tasks.at(-1)
  if (!task) return row.drainAt === null ? [{ do: 'addTask', task: want.taskFor(1) }] : [end(row, now)]
  if (task.state === 'ended') return row.drainAt === null ? afterTask(want, task, now) : [end(row, now)]
  return row.drainAt === null ? duringTask(row, task) : draining(row, task, now)
}

function duringTask(row: InstanceRow, task: Task): InstanceAction[] {
  const actions: InstanceAction[] = []
  if (row.restartAt !== null && task.desired === 'run') {
    actions.push({ do: 'stopTask', taskId: task.id, graceMs: stopGraceMs, why: 'unhealthy' })
  }
  const startedAt = task.startedAt === null ? {} : { startedAt: task.startedAt }
  const state = stateOf(row, task)
  if (state === row.state && row.startedAt === (task.startedAt ?? row.startedAt)) return actions
  const reason = state === 'ready' || (state === 'starting' && row.restarts === 0) ? { reason: null } : {}
  return [...actions, { do: 'setStatus', changes: { state, ...reason, ...startedAt }, ...eventOf(row, state) }]
}

function stateOf(row: InstanceRow, task: Task): InstanceState {
  if (task.state === 'queued') return 'pending'
  if (row.readyAt !== null) return 'ready'
  return row.firstReadyAt === null || row.state === 'restarting' || row.state === 'starting' ? 'starting' : 'unready'
}

/** Whoever looks at instances hears of every state that they come to. */
const eventOf = ({ name, state: before }: InstanceRow, state: InstanceState) =>
  state === before ? {} : { event: { type: `instance.${state}`, data: { name } } }

/** It gets no requests any more; its command is stopped when none is under way, or when the time is over. */
function draining(row: InstanceRow, task: Task, now: number): InstanceAction[] {
  if (task.desired === 'stop') return []
  const until = fromIso(row.drainAt!) + row.drainMs
  const isOver = row.drainedAt !== null || now >= until || task.state !== 'running'
  const told: InstanceAction[] =
    row.state === 'draining'
      ? []
      : [{ do: 'setStatus', changes: { state: 'draining', reason: null }, ...eventOf(row, 'draining') }]
  if (isOver)
    return [...told, { do: 'stopTask', taskId: task.id, graceMs: row.drainMs === 0 ? 0 : stopGraceMs, why: 'user' }]
  return row.wakeAt === toIso(until) ? told : [...told, { do: 'wakeAt', at: until }]
}

function afterTask(want: InstanceWant, task: Task, now: number): InstanceAction[] {
  const { row } = want
  const endedAt = fromIso(task.endedAt ?? toIso(now))
  const delayMs = restartDelayMs(row.restarts)
  // Also when the clock was set back past the end.
  const waitedMs = Math.abs(now - endedAt)
  if (row.state === 'restarting') {
    if (waitedMs >= delayMs) return [{ do: 'addTask', task: want.taskFor(task.attempt + 1) }]
    return row.wakeAt === null ? [{ do: 'wakeAt', at: now + delayMs - waitedMs }] : []
  }
  const ranMs = task.startedAt === null ? 0 : endedAt - fromIso(task.startedAt)
  const restarts = ranMs >= stableMs && row.firstReadyAt !== null ? 1 : row.restarts + 1
  const reason = row.restartWhy ?? reasonOf(task)
  return [
    { do: 'note', attempt: task.attempt, text: `${reason} It is started again.` },
    {
      do: 'setStatus',
      changes: {
        state: 'restarting',
        reason,
        restarts,
        readyAt: null,
        restartAt: null,
        restartWhy: null,
        startedAt: null,
      },
      event: { type: 'instance.crashed', data: { name: row.name, reason } },
    },
    { do: 'wakeAt', at: now + Math.max(0, restartDelayMs(restarts) - waitedMs) },
  ]
}

function reasonOf({ exit }: Task): string {
  if (exit?.reason !== undefined) return exit.reason
  const code = exit?.code ?? null
  if (code === null) return 'The machine lost it.'
  const meaning = exitCodeMeanings[code]
  return meaning === undefined ? `Its command ended with exit code ${code}.` : `Exit code ${code}: ${meaning}.`
}

const end = (row: InstanceRow, now: number): InstanceAction => ({
  do: 'setStatus',
  changes: { state: 'ended', readyAt: null, endedAt: toIso(now) },
  ...eventOf(row, 'ended'),
})
