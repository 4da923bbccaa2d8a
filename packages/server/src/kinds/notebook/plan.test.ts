import { notebookSpec } from '@nabla/api/notebook'
import { describe, expect, test } from 'vitest'
import type { NotebookRow } from '../../db/notebook-tables.ts'
import type { TaskExit } from '../../engines/engine.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { NewTask, Task } from '../../tasks/task.ts'
import { aTask } from '../../testing/tasks.ts'
import { type NotebookAction, type NotebookWant, planNotebook } from './plan.ts'
import { mergePackages } from './session.ts'

const now = Date.UTC(2026, 0, 1)
const at = (ms: number): string => toIso(now + ms)

function aRow(given: Partial<NotebookRow> = {}): NotebookRow {
  const nothing = { stopRequestedAt: null, startedAt: null, jupyterAt: null, readyAt: null, endedAt: null }
  return {
    ...nothing,
    id: 'n1',
    state: 'pending',
    session: 2,
    seededAt: null,
    stopGraceMs: 500,
    extendedMs: 0,
    wakeAt: null,
    reason: null,
    activity: null,
    lastActivityAt: null,
    extendedUntil: null,
    warnedAt: null,
    stopsAt: null,
    ...given,
  } as NotebookRow
}

function plan(
  row: Partial<NotebookRow>,
  tasks: readonly Task[],
  spec: object = {},
  isSaving = false,
): NotebookAction[] {
  const task = { ownerId: 'n1', attempt: 2 } as NewTask
  const want: NotebookWant = { row: aRow(row), spec: notebookSpec.parse(spec), task, isSaving }
  return planNotebook(want, tasks, now)
}

const aSession = (given: Partial<Task> = {}): Task => aTask({ ownerId: 'n1', attempt: 2, state: 'running', ...given })

const ended = (exit: TaskExit, more: Partial<Task> = {}): Task => aSession({ state: 'ended', exit, ...more })

const changes = (actions: readonly NotebookAction[]) =>
  Object.assign({}, ...actions.flatMap((action) => (action.do === 'setStatus' ? [action.changes] : []))) as object

describe('a session', () => {
  test('is one task, whatever sessions there were before', () => {
    const older = aTask({ ownerId: 'n1', attempt: 1, state: 'ended' })
    expect(plan({}, [older])).toEqual([{ do: 'addTask', task: { ownerId: 'n1', attempt: 2 } }])
    expect(plan({ endedAt: at(0) }, [older])).toEqual([])
    expect(plan({}, [older, aSession({ state: 'queued' })])).toEqual([])
  })

  test('does not begin before the files of the last one are saved', () => {
    const [waits] = plan({}, [], {}, true)
    expect(waits).toMatchObject({
      do: 'setStatus',
      changes: { state: 'pending', reason: expect.stringMatching(/last session/) },
    })
    const { reason } = changes([waits!]) as { reason: string }
    expect(plan({ reason }, [], {}, true)).toEqual([])
    expect(plan({ reason }, [], {}, false)).toMatchObject([{ do: 'addTask' }])
    expect(changes(plan({ reason, stopRequestedAt: at(0) }, [], {}, true))).toMatchObject({ state: 'stopped' })
  })

  test('is not made when it was to stop before', () => {
    expect(changes(plan({ stopRequestedAt: at(0) }, []))).toMatchObject({ state: 'stopped', endedAt: at(0) })
  })

  test('runs once Jupyter has answered, and not before', () => {
    const task = aSession({ startedAt: at(-5000) })
    expect(changes(plan({}, [task]))).toEqual({ state: 'provisioning', reason: null, startedAt: at(0) })
    const ready = plan({ state: 'provisioning', readyAt: at(0) }, [task])
    expect(changes(ready)).toMatchObject({ state: 'running', reason: null, seededAt: at(0) })
  })

  test('ends when Jupyter does not answer in time; its packages may take longer', () => {
    const task = aSession({ startedAt: at(-limits.notebookAnswerMs - 1) })
    const state = 'provisioning'
    const waits = plan({ state }, [task])
    const until = now - limits.notebookAnswerMs - 1 + limits.notebookPackagesMs
    expect(waits).toEqual([{ do: 'wakeAt', at: until }])
    expect(plan({ state, wakeAt: toIso(until) }, [task])).toEqual([])
    const late = plan({ state, jupyterAt: at(-limits.notebookAnswerMs) }, [task])
    expect(late).toContainEqual({ do: 'stopTask', taskId: task.id, graceMs: 0, why: 'no-answer' })
    const soon = plan({ state, jupyterAt: at(-1000), wakeAt: toIso(until) }, [task])
    expect(soon).toEqual([{ do: 'wakeAt', at: now - 1000 + limits.notebookAnswerMs }])
  })

  test('is stopped by hand, whatever it does', () => {
    for (const state of ['queued', 'placed', 'running'] as const) {
      const actions = plan({ state: 'provisioning', stopRequestedAt: at(0) }, [aSession({ state })])
      expect(actions).toContainEqual(expect.objectContaining({ do: 'stopTask', graceMs: 500, why: 'user' }))
      expect(changes(actions)).toMatchObject({ state: 'stopping' })
    }
    expect(plan({ state: 'stopping', stopRequestedAt: at(0) }, [aSession({ desired: 'stop' })])).toEqual([])
  })

  test('ends at its time limit, later when that was extended', () => {
    const running = { state: 'running', readyAt: at(-1000) }
    const spec = { timeLimitSeconds: 3600 }
    const stops = (row: object, ranMs: number) =>
      plan({ ...running, ...row }, [aSession({ ranMs })], spec).filter((action) => action.do === 'stopTask')
    expect(stops({}, 3_500_000)).toEqual([])
    expect(stops({}, 3_600_000)).toEqual([expect.objectContaining({ why: 'time-limit' })])
    expect(stops({ extendedMs: 3_600_000 }, 3_600_000)).toEqual([])
    expect(stops({ extendedMs: 3_600_000 }, 7_200_000)).toHaveLength(1)
  })
})

describe('the end of a session', () => {
  const gone = (exit: Partial<TaskExit>, task: Partial<Task> = {}, row: Partial<NotebookRow> = {}) =>
    changes(plan(row, [ended({ cause: 'exit', code: 0, blame: 'user', ...exit }, task)]))

  test('by hand, by Jupyter itself and by a limit is no failure', () => {
    expect(gone({ code: 143 }, { stopReason: 'user' })).toMatchObject({ state: 'stopped', endedAt: at(0) })
    expect(gone({ code: 143 }, { stopReason: 'idle' })).toMatchObject({ reason: 'It was not used for 1 hour.' })
    expect(gone({}, {}, { readyAt: at(-1) })).toMatchObject({ state: 'stopped' })
  })

  test.each([
    [
      'image',
      { cause: 'setup', code: null, reason: 'no such image' },
      /^Its image could not be fetched: no such image/,
    ],
    ['environment', { cause: 'setup', code: null, reason: 'no index' }, /^Its environment could not be made: no index/],
    ['run', { code: 97 }, /^There is no Jupyter in its image/],
    ['run', { code: 99 }, /^Its packages could not be installed/],
    ['run', { code: 1 }, /^Jupyter ended before it answered \(exit code 1\)/],
    ['run', { cause: 'oom', code: 137, reason: 'It used too much.' }, /^Out of memory: It used too much/],
  ] as const)('in the phase %s says which it was', (phase, exit, reason) => {
    const found = gone(exit, { phases: [{ phase, at: now }] })
    expect(found).toMatchObject({ state: 'error', reason: expect.stringMatching(reason) })
  })

  test('by no answer says what to do', () => {
    expect(gone({ code: 137 }, { stopReason: 'no-answer' })).toMatchObject({
      state: 'error',
      reason: expect.stringMatching(/did not answer within 120 s.*rebuild/),
    })
  })
})

test('of one package what was installed goes before what was declared', () => {
  const declared = ['NumPy>=1', 'pandas', 'git+https://example.org/x']
  expect(mergePackages(declared, ['numpy==2.1', 'Flask_Cors==6'])).toEqual([
    'pandas',
    'git+https://example.org/x',
    'numpy==2.1',
    'Flask_Cors==6',
  ])
})
