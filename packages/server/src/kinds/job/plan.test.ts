import { type JobSpec, jobSpec } from '@nabla/api/job'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JobRow } from '../../db/tables.ts'
import type { TaskExit } from '../../engines/engine.ts'
import { toIso } from '../../lib/clock.ts'
import type { NewTask, Task } from '../../tasks/task.ts'
import { aTask } from '../../testing/tasks.ts'
import { type JobAction, type JobWant, planJob, retryDelayMs } from './plan.ts'

const now = Date.UTC(2026, 0, 1, 12)

function aWant(row: Partial<JobRow> = {}, spec: Partial<JobSpec> = {}): JobWant {
  const full = {
    id: 'j1',
    teamId: 'te1',
    state: 'pending',
    stopRequestedAt: null,
    stopGraceMs: 5000,
    startedAt: null,
    endedAt: null,
    wakeAt: null,
    ...row,
  } as JobRow
  const { id: _, ...task } = aTask()
  return {
    row: full,
    spec: jobSpec.parse({ command: 'true', ...spec }),
    wanted: [],
    taskFor: (attempt) => ({ ...(task as unknown as NewTask), attempt }),
  }
}

const exited = (code: number): TaskExit => ({ cause: 'exit', code, blame: 'user' })
const lost: TaskExit = { cause: 'lost', code: null, blame: 'machine', reason: 'The machine lost it.' }

const ended = (exit: TaskExit, more: Partial<Task> = {}): Task =>
  aTask({ state: 'ended', exit, endedAt: toIso(now), ...more })

const changesOf = (actions: readonly JobAction[]) =>
  Object.assign({}, ...actions.map((action) => (action.do === 'setStatus' ? action.changes : {})))

const done = (actions: readonly JobAction[]) => actions.map((action) => action.do)

describe('planJob', () => {
  test('a new job gets its first task', () => {
    const [action] = planJob(aWant(), [], now)
    expect(action).toMatchObject({ do: 'addTask', task: { attempt: 1 } })
  })

  test('a job that is stopped before it began is cancelled, and no task is made', () => {
    const actions = planJob(aWant({ stopRequestedAt: toIso(now) }), [], now)
    expect(changesOf(actions)).toMatchObject({ state: 'cancelled', endedAt: toIso(now) })
    expect(done(actions)).toEqual(['setStatus'])
  })

  test('it runs from the moment it has a place', () => {
    expect(planJob(aWant(), [aTask({ state: 'queued' })], now)).toEqual([])
    const actions = planJob(aWant(), [aTask({ state: 'placed' })], now)
    expect(changesOf(actions)).toMatchObject({ state: 'running', startedAt: toIso(now) })
  })

  test.each([
    ['exit code 0', exited(0), { state: 'succeeded', exitCode: 0, reason: null }],
    ['another exit code', exited(3), { state: 'failed', exitCode: 3, reason: 'The command ended with exit code 3.' }],
    ['127', exited(127), { state: 'failed', exitCode: 127, reason: expect.stringContaining('not found') }],
    [
      'memory',
      { cause: 'oom', code: 137, blame: 'user', reason: 'Too much.' },
      { state: 'failed', reason: 'Too much.' },
    ],
    ['no environment', { cause: 'setup', code: null, blame: 'user', reason: 'No.' }, { state: 'error', reason: 'No.' }],
    ['a lost task', lost, { state: 'error', exitCode: null, reason: 'The machine lost it.' }],
  ] as const)('%s', (_, exit, expected) => {
    expect(changesOf(planJob(aWant({ state: 'running' }), [ended(exit as TaskExit)], now))).toMatchObject(expected)
  })

  test('a stop is passed on once, with its grace, and wins over the exit code', () => {
    const want = aWant({ state: 'running', stopRequestedAt: toIso(now) })
    expect(planJob(want, [aTask()], now)).toEqual([{ do: 'stopTask', taskId: aTask().id, graceMs: 5000, why: 'user' }])
    expect(planJob(want, [aTask({ desired: 'stop', stopReason: 'user' })], now)).toEqual([])
    const stopped = ended(exited(0), { desired: 'stop', stopReason: 'user' })
    expect(changesOf(planJob(want, [stopped], now))).toMatchObject({ state: 'cancelled' })
  })

  test('a stop that comes after the command has ended well changes nothing', () => {
    const want = aWant({ state: 'running', stopRequestedAt: toIso(now) })
    expect(changesOf(planJob(want, [ended(exited(0))], now))).toMatchObject({ state: 'succeeded' })
  })

  test('the time limit counts what it ran, not what the wall clock says', () => {
    const want = aWant({ state: 'running' }, { timeLimitSeconds: 60 })
    const begun = (ranMs: number) => [aTask({ ranMs, startedAt: toIso(now - 3_600_000) })]
    expect(planJob(want, begun(59_000), now)).toEqual([{ do: 'wakeAt', at: now + 1000 }])
    expect(done(planJob(want, begun(60_000), now))).toEqual(['note', 'stopTask'])
    const stopped = ended(exited(143), { desired: 'stop', stopReason: 'time-limit' })
    expect(changesOf(planJob(want, [stopped], now))).toMatchObject({
      state: 'error',
      reason: 'It was stopped at its time limit of 60 s.',
    })
  })

  test('a job that writes on to a full storage is told so, and not tried again', () => {
    const stopped = ended(exited(143), { desired: 'stop', stopReason: 'quota' })
    const changes = changesOf(planJob(aWant({ state: 'running' }, { retries: 3 }), [stopped], now))
    expect(changes).toMatchObject({ state: 'error', reason: expect.stringContaining('storage of the team was full') })
  })

  test('a retry waits, longer each time, and then is the next attempt', () => {
    const want = aWant({ state: 'running' }, { retries: 2 })
    const first = planJob(want, [ended(exited(1))], now)
    expect(changesOf(first)).toMatchObject({ state: 'pending' })
    expect(first).toContainEqual({ do: 'wakeAt', at: now + retryDelayMs(1) })
    const waiting = aWant({ state: 'pending', wakeAt: toIso(now + 1000) }, { retries: 2 })
    expect(planJob(waiting, [ended(exited(1))], now + 500)).toEqual([])
    const again = planJob(waiting, [ended(exited(1))], now + retryDelayMs(1))
    expect(again).toMatchObject([{ do: 'addTask', task: { attempt: 2 } }])
    expect(retryDelayMs(2)).toBeGreaterThan(retryDelayMs(1))
  })

  test('a clock that was set back does not hold up a retry', () => {
    const waiting = aWant({ state: 'pending' }, { retries: 1 })
    const actions = planJob(waiting, [ended(exited(1))], now - 3_600_000)
    expect(done(actions)).toEqual(['addTask'])
  })

  test('retryOn machine: only what the machine failed is tried again', () => {
    const want = aWant({ state: 'running' }, { retries: 3, retryOn: 'machine' })
    expect(changesOf(planJob(want, [ended(exited(1))], now))).toMatchObject({ state: 'failed' })
    expect(changesOf(planJob(want, [ended(lost)], now))).toMatchObject({ state: 'pending' })
  })

  test('a job waits, without a task, for the versions that it reads', () => {
    const preparing = { name: 'faces', version: 2, state: 'preparing', reason: null } as const
    const waiting = { ...aWant(), wanted: [preparing] }
    const reason = 'It waits for faces:2, which is being prepared.'
    const actions = planJob(waiting, [], now)
    expect(done(actions)).toEqual(['setStatus'])
    expect(changesOf(actions)).toEqual({ reason })
    expect(planJob({ ...waiting, ...aWant({ reason }), wanted: [preparing] }, [], now)).toEqual([])
    const failed = { ...preparing, state: 'failed', reason: 'There is nothing at that address.' } as const
    expect(changesOf(planJob({ ...waiting, wanted: [preparing, failed] }, [], now))).toMatchObject({
      state: 'error',
      reason: 'Version 2 of the dataset faces could not be prepared: There is nothing at that address.',
    })
    const stopped = { ...aWant({ stopRequestedAt: toIso(now) }), wanted: [preparing] }
    expect(changesOf(planJob(stopped, [], now))).toMatchObject({ state: 'cancelled' })
    expect(done(planJob(aWant({ reason }), [], now))).toEqual(['addTask'])
  })

  test('after its retries it is over', () => {
    const want = aWant({ state: 'running' }, { retries: 1 })
    const tasks = [ended(exited(1)), ended(exited(1), { attempt: 2 })]
    expect(changesOf(planJob(want, tasks, now))).toMatchObject({ state: 'failed' })
  })

  test('a job that has ended is left alone', () => {
    expect(planJob(aWant({ endedAt: toIso(now), state: 'failed' }), [ended(exited(1))], now)).toEqual([])
  })

  test('whatever the task is, a stop leads to no further attempt', () => {
    const anyExit = fc.constantFrom<TaskExit>(exited(0), exited(1), lost)
    const anyTask = fc
      .record({ state: fc.constantFrom<Task['state']>('queued', 'placed', 'running', 'ended'), exit: anyExit })
      .map(({ state, exit }) => (state === 'ended' ? ended(exit) : aTask({ state })))
    fc.assert(
      fc.property(anyTask, fc.nat(5), (task, retries) => {
        const want = aWant({ state: 'running', stopRequestedAt: toIso(now) }, { retries })
        const actions = planJob(want, [task], now)
        expect(done(actions)).not.toContain('addTask')
        expect(actions.length).toBeGreaterThan(0)
      }),
    )
  })
})
