import type { WorkflowJobState } from '@nabla/api/workflow-state'
import { expect, test } from 'vitest'
import type { WorkflowRunRow } from '../../db/workflow-tables.ts'
import { planRun, type RunAction, type Step } from './plan.ts'

const at = Date.UTC(2026, 0, 1)
const iso = '2026-01-01T00:00:00.000Z'

const row = (more: Partial<WorkflowRunRow> = {}): WorkflowRunRow => ({
  id: 'wr1',
  teamId: 'te1',
  projectId: 'pr1',
  workflowId: 'wf1',
  name: 'flow-1',
  number: 1,
  state: 'running',
  reason: null,
  spec: '{}',
  inputs: '{}',
  rerunOf: null,
  createdBy: 'u1',
  stopRequestedAt: null,
  stopGraceMs: 5000,
  createdAt: iso,
  startedAt: iso,
  endedAt: null,
  deletedAt: null,
  wakeAt: null,
  version: 1,
  ...more,
})

const step = (name: string, state: WorkflowJobState, more: Partial<Step> = {}): Step => ({
  name,
  state,
  reason: null,
  needs: [],
  ownWork: false,
  hasOutputs: false,
  startedAt: null,
  job: null,
  outputs: [],
  ...more,
})

type OwnJob = NonNullable<Step['job']>

const job = (state: OwnJob['state'], more: Partial<OwnJob> = {}): OwnJob => ({
  id: 'j1',
  state,
  reason: null,
  startedAt: state === 'pending' ? null : iso,
  endedAt: state === 'pending' || state === 'running' ? null : iso,
  stopRequestedAt: null,
  ...more,
})

/** What is to be made, what becomes of each job, and of the run, in short. */
function said(actions: readonly RunAction[]): string[] {
  return actions.flatMap((action) => {
    if (action.do === 'create') return action.children.map(({ step, make }) => `make ${make} of ${step}`)
    if (action.do === 'stopChild') return [`stop ${action.id}`]
    if (action.do !== 'setStatus') return [action.do]
    const { steps = {}, state } = action.changes
    return [
      ...Object.entries(steps).map(([name, change]) => `${name} ${change.state}`),
      ...(state === undefined ? [] : [`run ${state}`]),
    ]
  })
}

test.each<[string, Partial<WorkflowRunRow>, Step[], string[]]>([
  [
    'all that wait for nothing begin at once',
    { state: 'pending' },
    [step('a', 'waiting'), step('b', 'waiting'), step('c', 'waiting', { needs: ['a', 'b'] })],
    ['make job of a', 'make job of b', 'a pending', 'b pending'],
  ],
  [
    'the first that runs is the begin of the run',
    { state: 'pending', startedAt: null },
    [step('a', 'pending', { job: job('running') })],
    ['a running', 'run running'],
  ],
  [
    'a job that has outputs is done when they are there, and what needs it waits until then',
    {},
    [step('a', 'running', { job: job('succeeded'), hasOutputs: true }), step('b', 'waiting', { needs: ['a'] })],
    ['make outputs of a', 'a collecting'],
  ],
  [
    'outputs that are there let the next begin in the same look',
    {},
    [
      step('a', 'collecting', { job: job('succeeded'), outputs: [{ name: 'x', state: 'ready', reason: null }] }),
      step('b', 'waiting', { needs: ['a'] }),
    ],
    ['make job of b', 'a succeeded', 'b pending'],
  ],
  [
    'an output that cannot be kept fails its job',
    {},
    [step('a', 'collecting', { outputs: [{ name: 'x', state: 'failed', reason: 'no' }] })],
    ['a failed', 'run failed'],
  ],
  [
    'a whole chain is skipped in one look, in whatever order it is written',
    {},
    [
      step('c', 'waiting', { needs: ['b'] }),
      step('b', 'waiting', { needs: ['a'] }),
      step('a', 'running', { job: job('failed') }),
    ],
    ['a failed', 'b skipped', 'c skipped', 'run failed'],
  ],
  [
    'what the server does itself has no job',
    {},
    [step('a', 'waiting', { ownWork: true, hasOutputs: true })],
    ['make outputs of a', 'a collecting'],
  ],
  ['a job that was deleted has failed', {}, [step('a', 'running')], ['a failed', 'run failed']],
  [
    'a stop ends what runs, each once, and begins nothing',
    { stopRequestedAt: iso },
    [
      step('a', 'running', { startedAt: iso, job: job('running') }),
      step('b', 'running', { startedAt: iso, job: job('running', { id: 'j2', stopRequestedAt: iso }) }),
      step('c', 'waiting', { needs: ['a'] }),
      step('d', 'waiting'),
    ],
    ['stop j1', 'c cancelled', 'd cancelled', 'run stopping'],
  ],
  [
    'a stop wins over outputs that are still put away',
    { stopRequestedAt: iso, state: 'stopping' },
    [step('a', 'collecting', { outputs: [{ name: 'x', state: 'preparing', reason: null }] })],
    ['a cancelled', 'run cancelled'],
  ],
  [
    'all that succeeded are a run that succeeded',
    {},
    [step('a', 'running', { job: job('succeeded') })],
    ['a succeeded', 'run succeeded'],
  ],
  ['nothing new is no change', {}, [step('a', 'running', { startedAt: iso, job: job('running') })], []],
  ['what has ended stays so', { endedAt: iso }, [step('a', 'waiting')], []],
])('%s', (_, changes, steps, expected) => {
  expect(said(planRun({ row: row(changes), steps }, at))).toEqual(expected)
})
