import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DeploymentRow, InstanceRow } from '../../db/deployment-tables.ts'
import { toIso } from '../../lib/clock.ts'
import {
  type DeploymentAction,
  type DeploymentChanges,
  type DeploymentWant,
  planDeployment,
  startTries,
} from './plan.ts'

const now = Date.UTC(2026, 0, 1)

describe('a deployment', () => {
  test('gets all of its instances at once when there are none', () => {
    expect(made(planDeployment(aWant({ instances: 3 }), now))).toEqual([1, 1, 1])
  })

  test('serves once all are ready', () => {
    const want = aWant({ instances: 2 }, [anInstance('a', 1, { ready: true }), anInstance('b', 1, { ready: true })])
    expect(changesOf(planDeployment(want, now))).toMatchObject({ rollout: null, servingRevision: 1, state: 'running' })
  })

  test('starts one beside those that serve, and takes an old one away when a new one is ready', () => {
    const olds = [anInstance('a', 1, { ready: true }), anInstance('b', 1, { ready: true })]
    const row = { instances: 2, revision: 2, servingRevision: 1 }
    const first = planDeployment(aWant(row, olds), now)
    expect([made(first), stopped(first)]).toEqual([[2], []])
    const ready = planDeployment(aWant(row, [...olds, anInstance('c', 2, { ready: true })]), now)
    expect([made(ready), stopped(ready)]).toEqual([[], ['b']])
  })

  test('takes an old one away for a new one that finds no place', () => {
    const row = { instances: 1, revision: 2, servingRevision: 1 }
    const pending = anInstance('b', 2, { state: 'pending' })
    const want = aWant(row, [anInstance('a', 1, { ready: true }), pending])
    expect(stopped(planDeployment(want, now + 1000))).toEqual([])
    expect(stopped(planDeployment(want, now + 5000))).toEqual(['a'])
  })

  test.each([
    ['whose command ends again and again', { restarts: startTries, reason: 'Exit code 3.' }, 'Exit code 3.'],
    ['that is not ready in time', { startedAt: toIso(now - 60_000) }, 'not ready after 60 s'],
  ])('keeps what serves when there is a new instance %s', (_, given, reason) => {
    const row = { instances: 1, revision: 2, servingRevision: 1, state: 'updating' }
    const failing = anInstance('b', 2, given)
    const actions = planDeployment(aWant(row, [anInstance('a', 1, { ready: true }), failing]), now)
    const changes = changesOf(actions)
    expect(changes).toMatchObject({ rollout: 'failed', state: 'running', failure: { instanceId: 'b' } })
    expect(changes.reason).toContain(reason)
    expect(stopped(actions)).toEqual([])
    const after = aWant({ ...row, rollout: 'failed' }, [anInstance('a', 1, { ready: true }), failing])
    expect(stopped(planDeployment(after, now))).toEqual(['b'])
  })

  test('that never served goes on trying', () => {
    const failing = anInstance('a', 1, { restarts: startTries, reason: 'Exit code 3.' })
    const actions = planDeployment(aWant({}, [failing]), now)
    expect(changesOf(actions)).toMatchObject({ state: 'failed', reason: 'Exit code 3.' })
    expect([made(actions), stopped(actions)]).toEqual([[], []])
  })

  test('with a port of the machine stops before it starts', () => {
    const row = { revision: 2, servingRevision: 1 }
    const before = planDeployment({ ...aWant(row, [anInstance('a', 1, { ready: true })]), alone: true }, now)
    expect([made(before), stopped(before)]).toEqual([[], ['a']])
    const going = { ...aWant(row, [anInstance('a', 1, { drainAt: toIso(now) })]), alone: true }
    expect(made(planDeployment(going, now))).toEqual([])
    expect(made(planDeployment({ ...aWant(row, []), alone: true }, now))).toEqual([2])
  })

  test('that is stopped has its instances go, and is stopped when the last is gone', () => {
    const want = aWant({ startedAt: null }, [anInstance('a', 1, { ready: true })])
    expect(stopped(planDeployment(want, now))).toEqual(['a'])
    expect(changesOf(planDeployment(aWant({ startedAt: null }), now))).toMatchObject({ state: 'stopped' })
    const gone = changesOf(planDeployment(aWant({ startedAt: null, deletedAt: toIso(now) }), now))
    expect(gone.endedAt).toBe(toIso(now))
  })

  test('has a canary beside what serves', () => {
    const row = { instances: 4, revision: 2, servingRevision: 1, rollout: 'canary', canaryPercent: 30 }
    const olds = ['a', 'b', 'c', 'd'].map((id) => anInstance(id, 1, { ready: true }))
    const actions = planDeployment(aWant(row, olds), now)
    expect([made(actions), stopped(actions)]).toEqual([[2, 2], []])
  })
})

test('whatever happens to instances, a rollout never has fewer ready ones than wanted but for those that were lost', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(), { maxLength: 60 }), (wanted, choices) => {
      const world = new World(wanted)
      for (const choice of choices) {
        world.step(choice)
        expect(world.ready()).toBe(wanted)
        expect(world.live()).toBeLessThanOrEqual(wanted + 1)
      }
      for (let step = 0; step < 100; step++) world.step(0)
      expect(world.row.rollout).toBeNull()
      expect(world.revisions()).toEqual(Array.from({ length: wanted }, () => 2))
    }),
  )
})

/** A deployment in the middle of an update. Instances become ready, and drained ones go, whenever it is chosen. */
class World {
  row = aRow({ revision: 2, servingRevision: 1, state: 'running' })
  instances: InstanceRow[]
  #made = 0

  constructor(wanted: number) {
    this.row.instances = wanted
    this.instances = Array.from({ length: wanted }, (_, at) => anInstance(`old${at}`, 1, { ready: true }))
  }

  step(choice: number): void {
    const coming = this.instances.filter(({ readyAt, drainAt }) => readyAt === null && drainAt === null)
    const going = this.instances.filter(({ drainAt }) => drainAt !== null)
    const some = [...coming, ...going]
    const one = some[choice % Math.max(1, some.length)]
    if (one && coming.includes(one))
      Object.assign(one, { readyAt: toIso(now), firstReadyAt: toIso(now), state: 'ready' })
    else this.instances = this.instances.filter((other) => other !== one)
    for (const action of planDeployment({ ...aWant({}, this.instances), row: this.row }, now)) this.#apply(action)
  }

  ready = () => this.instances.filter(({ readyAt, drainAt }) => readyAt !== null && drainAt === null).length
  live = () => this.instances.filter(({ drainAt }) => drainAt === null).length
  revisions = () => this.instances.filter(({ drainAt }) => drainAt === null).map(({ revision }) => revision)

  #apply(action: DeploymentAction): void {
    if (action.do === 'setStatus') Object.assign(this.row, action.changes)
    if (action.do === 'create') {
      for (const { revision } of action.children) this.instances.push(anInstance(`new${this.#made++}`, revision, {}))
    }
    const found = action.do === 'stopChild' && this.instances.find(({ id }) => id === action.id)
    if (found) found.drainAt = toIso(now)
  }
}

const made = (actions: DeploymentAction[]): number[] =>
  actions.flatMap((action) => (action.do === 'create' ? action.children.map(({ revision }) => revision) : []))

const stopped = (actions: DeploymentAction[]): string[] =>
  actions.flatMap((action) => (action.do === 'stopChild' ? [action.id] : []))

const changesOf = (actions: DeploymentAction[]): DeploymentChanges =>
  Object.assign({}, ...actions.map((action) => (action.do === 'setStatus' ? action.changes : {}))) as DeploymentChanges

function aWant(row: Partial<DeploymentRow>, instances: InstanceRow[] = []): DeploymentWant {
  return { row: aRow(row), alone: false, drainMs: 30_000, startLimitMs: 60_000, wakes: false, instances }
}

function aRow(given: Partial<DeploymentRow>): DeploymentRow {
  return {
    id: 'd1',
    teamId: 'te1',
    projectId: 'pr1',
    name: 'shop',
    state: 'starting',
    reason: null,
    revision: 1,
    servingRevision: null,
    rollout: 'rolling',
    canaryPercent: null,
    shadowAt: null,
    instances: 1,
    scaledTo: null,
    password: null,
    note: '',
    createdBy: 'u1',
    createdAt: toIso(now),
    updatedAt: toIso(now),
    startedAt: toIso(now),
    rolloutAt: toIso(now),
    endedAt: null,
    deletedAt: null,
    wakeAt: null,
    version: 1,
    ...given,
  }
}

function anInstance(id: string, revision: number, given: Partial<InstanceRow> & { ready?: boolean }): InstanceRow {
  const { ready, ...more } = given
  return {
    id,
    deploymentId: 'd1',
    teamId: 'te1',
    projectId: 'pr1',
    name: id,
    revision,
    state: ready ? 'ready' : 'starting',
    reason: null,
    port: 61_000,
    restarts: 0,
    readyAt: ready ? toIso(now) : null,
    firstReadyAt: ready ? toIso(now) : null,
    restartAt: null,
    restartWhy: null,
    drainAt: null,
    drainMs: 0,
    drainedAt: null,
    createdAt: toIso(now),
    startedAt: null,
    endedAt: null,
    deletedAt: null,
    wakeAt: null,
    version: 1,
    ...more,
  }
}
