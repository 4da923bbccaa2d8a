import { experimentSpec } from '@nabla/api/experiment'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ExperimentRow } from '../../db/experiment-tables.ts'
import { toIso } from '../../lib/clock.ts'
import { type ExperimentAction, type ExperimentWant, type NodeJob, planExperiment } from './plan.ts'

const now = Date.UTC(2026, 0, 1, 12)
const at = (secondsAgo: number) => toIso(now - secondsAgo * 1000)

function aNode(rank: number, more: Partial<NodeJob> = {}): NodeJob {
  return {
    id: `j${rank}`,
    role: 'worker',
    rank,
    host: `worker-${rank}`,
    state: 'running',
    reason: null,
    exitCode: null,
    stopWhy: null,
    stopRequestedAt: null,
    startedAt: at(60),
    endedAt: null,
    isUp: true,
    blame: 'user',
    ...more,
  }
}

const ended = (rank: number, state: NodeJob['state'], secondsAgo: number, more: Partial<NodeJob> = {}) =>
  aNode(rank, { state, endedAt: at(secondsAgo), reason: `It ${state}.`, exitCode: state === 'failed' ? 7 : 0, ...more })

function aWant(jobs: NodeJob[], row: Partial<ExperimentRow> = {}, spec: object = {}): ExperimentWant {
  const roles = [{ name: 'worker', count: 2, command: 'true' }]
  const asked = { kind: 'multi-node', scheme: 'jax', roles, ...spec }
  const full = { state: 'running', attempt: 1, startRequestedAt: at(90), stopRequestedAt: null, endedAt: null, ...row }
  return {
    row: { wakeAt: null, startedAt: null, reason: null, ...full } as ExperimentRow,
    spec: experimentSpec.parse(asked),
    jobs,
  }
}

const changesOf = (actions: readonly ExperimentAction[]) =>
  Object.assign({}, ...actions.map((action) => (action.do === 'setStatus' ? action.changes : {})))
const done = (actions: readonly ExperimentAction[]) => actions.map((action) => action.do)

describe('planExperiment', () => {
  test('does nothing before it is started, and then asks for all nodes', () => {
    expect(planExperiment(aWant([], { startRequestedAt: null }), now)).toEqual([])
    const [create] = planExperiment(aWant([]), now)
    expect(create).toMatchObject({ do: 'create', children: [{ host: 'worker-0', attempt: 1 }, { host: 'worker-1' }] })
    expect(planExperiment(aWant([], { wakeAt: at(-5) }), now)).toEqual([])
  })

  test('is provisioning until all commands have begun', () => {
    const half = aWant([aNode(0), aNode(1, { isUp: false })], { state: 'pending' })
    expect(changesOf(planExperiment(half, now))).toMatchObject({ state: 'provisioning', startedAt: at(60) })
    expect(changesOf(planExperiment(aWant([aNode(0), aNode(1)], { state: 'provisioning' }), now))).toMatchObject({
      state: 'running',
    })
    const late = aWant([aNode(0), aNode(1, { isUp: false })], {}, { startLimitSeconds: 59 })
    expect(planExperiment(late, now)).toContainEqual({ do: 'stopChild', id: 'j1', graceMs: 0, why: 'late' })
  })

  test('the one that failed first ends the others, and its reason is that of the experiment', () => {
    const stopping = planExperiment(aWant([aNode(0), ended(1, 'failed', 5)]), now)
    expect(done(stopping)).toEqual(['stopChild', 'setStatus'])
    expect(changesOf(stopping)).toEqual({ state: 'stopping', reason: 'worker-1: It failed.' })
    const consequence = ended(0, 'failed', 2, { reason: 'Connection lost.' })
    const over = planExperiment(aWant([consequence, ended(1, 'failed', 5)]), now)
    expect(changesOf(over)).toMatchObject({ state: 'failed', exitCode: 7, reason: 'worker-1: It failed.' })
  })

  test('starts whole again as often as was asked, and only where that could help', () => {
    const jobs = [
      ended(0, 'cancelled', 2, { stopWhy: 'peer', stopRequestedAt: at(4), blame: 'nobody' }),
      ended(1, 'failed', 5),
    ]
    const again = planExperiment(aWant(jobs, {}, { retries: 1 }), now)
    expect(changesOf(again)).toMatchObject({ state: 'pending', attempt: 2, reason: 'Attempt 1: worker-1: It failed.' })
    expect(done(again)).toContain('wakeAt')
    expect(changesOf(planExperiment(aWant(jobs, { attempt: 2 }, { retries: 1 }), now))).toMatchObject({
      state: 'failed',
    })
    const machineOnly = aWant(jobs, {}, { retries: 1, retryOn: 'machine' })
    expect(changesOf(planExperiment(machineOnly, now))).toMatchObject({ state: 'failed' })
  })

  test('those that only serve are ended when the others have', () => {
    const roles = [
      { name: 'worker', command: 'a' },
      { name: 'ps', command: 'a' },
    ]
    const spec = { scheme: 'tensorflow', roles }
    const ps = aNode(1, { role: 'ps', host: 'ps-0' })
    const actions = planExperiment(aWant([ended(0, 'succeeded', 1), ps], {}, spec), now)
    expect(actions).toContainEqual(expect.objectContaining({ do: 'stopChild', id: 'j1', why: 'finished' }))
    const both = [ended(0, 'succeeded', 2), { ...ended(1, 'succeeded', 1), role: 'ps' }]
    expect(changesOf(planExperiment(aWant(both, {}, spec), now))).toMatchObject({ state: 'succeeded', exitCode: 0 })
  })

  test('one job that is stopped by hand stops it, and a stop leads to no further attempt', () => {
    const byHand = ended(1, 'cancelled', 3, { stopRequestedAt: at(9), blame: 'nobody' })
    expect(changesOf(planExperiment(aWant([ended(0, 'succeeded', 9), byHand], {}, { retries: 3 }), now))).toMatchObject(
      {
        state: 'cancelled',
      },
    )
    const anyState = fc.constantFrom<NodeJob['state']>('succeeded', 'failed', 'error', 'cancelled')
    fc.assert(
      fc.property(anyState, anyState, fc.boolean(), (one, other, running) => {
        const jobs = [ended(0, one, 5), running ? aNode(1) : ended(1, other, 3)]
        const actions = planExperiment(aWant(jobs, { stopRequestedAt: at(1) }, { retries: 5 }), now)
        expect(done(actions)).not.toContain('create')
        expect(changesOf(actions)).not.toHaveProperty('attempt')
        expect(actions.length).toBeGreaterThan(0)
      }),
    )
  })
})
