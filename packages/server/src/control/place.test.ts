import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Capacity } from '../engines/engine.ts'
import { toIso } from '../lib/clock.ts'
import { aTask } from '../testing/tasks.ts'
import { countFits, gangObstacle, givenOut, machinesOf, overtakeMs, place } from './place.ts'

const GiB = 1024 ** 3
const now = Date.UTC(2026, 0, 1, 12)

function machine(cpus: number, gpus = 0): ReadonlyMap<string, Capacity> {
  const list = Array.from({ length: gpus }, (_, index) => ({ index, name: 'A100', memoryBytes: 40 * GiB }))
  return new Map([['fake', { cpus, memoryBytes: 64 * GiB, gpus: list }]])
}

const queuedAt = (id: string, secondsAgo: number, more: Parameters<typeof aTask>[0] = {}) =>
  aTask({ id, state: 'queued', createdAt: toIso(now - secondsAgo * 1000), ...more })

const ids = (list: readonly { task: { id: string } }[]) => list.map(({ task }) => task.id)

describe('place', () => {
  test('starts what fits, in the order of the queue, and numbers the rest', () => {
    const queue = [queuedAt('c', 1), queuedAt('a', 3), queuedAt('b', 2)]
    const { start, waiting } = place(queue, [], machine(2), now)
    expect(ids(start)).toEqual(['a', 'b'])
    expect(waiting.map(({ task, position, why }) => [task.id, position, why])).toEqual([
      ['c', 1, 'the processors are taken (it needs 1)'],
    ])
  })

  test('a higher priority goes first', () => {
    const queue = [queuedAt('early', 9), queuedAt('urgent', 1, { priority: 90 })]
    expect(ids(place(queue, [], machine(1), now).start)).toEqual(['urgent'])
  })

  test('within a priority, the team that holds less goes first', () => {
    const holding = [aTask({ id: 'h', state: 'running', teamId: 'greedy' })]
    const queue = [queuedAt('g', 9, { teamId: 'greedy' }), queuedAt('m', 1, { teamId: 'modest' })]
    expect(ids(place(queue, holding, machine(2), now).start)).toEqual(['m'])
  })

  test('gives each GPU to one task, by index', () => {
    const holding = [aTask({ id: 'h', state: 'running', gpus: [1], cpus: 1, wantsGpus: 1 })]
    const queue = [queuedAt('a', 2, { wantsGpus: 2 }), queuedAt('b', 1, { wantsGpus: 1 })]
    const { start, waiting } = place(queue, holding, machine(8, 4), now)
    expect(start.map(({ task, gpus }) => [task.id, gpus])).toEqual([
      ['a', [0, 2]],
      ['b', [3]],
    ])
    expect(waiting).toEqual([])
  })

  test('a small task passes a large one, until the large one has waited long', () => {
    const holding = [aTask({ id: 'h', state: 'running' })]
    const waited = (ms: number) => [queuedAt('large', ms / 1000, { cpus: 4 }), queuedAt('small', 1)]
    expect(ids(place(waited(overtakeMs - 1), holding, machine(4), now).start)).toEqual(['small'])
    const late = place(waited(overtakeMs + 1), holding, machine(4), now)
    expect(ids(late.start)).toEqual([])
    expect(late.waiting[1]?.why).toBe('a larger job before it has waited long and is next')
  })

  test('says what can never fit, and lets others pass it for ever', () => {
    const queue = [queuedAt('giant', 9000, { cpus: 99, machineType: 'C99' }), queuedAt('small', 1)]
    const { start, waiting } = place(queue, [], machine(4), now)
    expect(ids(start)).toEqual(['small'])
    expect(waiting[0]?.why).toBe('machine type C99 is larger than this machine')
  })

  test('one port is one task', () => {
    const holding = [aTask({ id: 'h', state: 'running', ports: [8080] })]
    const queue = [queuedAt('a', 2, { ports: [8080] }), queuedAt('b', 1, { ports: [8081] })]
    const { start, waiting } = place(queue, holding, machine(8), now)
    expect(ids(start)).toEqual(['b'])
    expect(waiting[0]?.why).toBe('port 8080 is in use by another job')
  })

  test('what takes no place starts while all is taken, and takes nothing from others', () => {
    const beside = queuedAt('beside', 1)
    beside.request.takesNoPlace = true
    const holding = [aTask({ id: 'h', state: 'running' })]
    expect(ids(place([beside, queuedAt('other', 2)], holding, machine(1), now).start)).toEqual(['beside'])
    expect(ids(place([queuedAt('other', 1)], [beside], machine(1), now).start)).toEqual(['other'])
  })

  test('an engine that is not there keeps only its own tasks waiting', () => {
    const { start, waiting } = place([queuedAt('a', 2, { engine: 'gone' }), queuedAt('b', 1)], [], machine(1), now)
    expect(ids(start)).toEqual(['b'])
    expect(waiting[0]?.why).toBe('the engine gone is not running on this server')
  })

  test('never gives out more than there is, forgets nobody, and numbers without gaps', () => {
    const anyTask = fc.record({
      cpus: fc.constantFrom(0.25, 0.5, 1, 2, 3, 8),
      wantsGpus: fc.integer({ min: 0, max: 3 }),
      priority: fc.constantFrom(10, 50, 90),
      teamId: fc.constantFrom('x', 'y', 'z'),
      ports: fc.subarray([5000, 5001]),
      age: fc.integer({ min: 0, max: 1000 }),
    })
    fc.assert(
      fc.property(fc.array(anyTask, { maxLength: 30 }), fc.nat(8), fc.nat(4), (wanted, cpus, gpus) => {
        const queue = wanted.map(({ age, ...task }, index) => queuedAt(`t${index}`, age, task))
        const { start, waiting } = place(queue, [], machine(cpus, gpus), now)
        const given = start.flatMap((one) => one.gpus)
        expect(new Set(given).size).toBe(given.length)
        expect(given.every((index) => index < gpus)).toBe(true)
        const used = start.reduce((sum, { task }) => sum + task.request.resources.cpus, 0)
        expect(used).toBeLessThanOrEqual(cpus + 1e-6)
        const ports = start.flatMap(({ task }) => task.request.ports)
        expect(new Set(ports).size).toBe(ports.length)
        expect([...ids(start), ...ids(waiting)].sort()).toEqual(ids(queue.map((task) => ({ task }))).sort())
        expect(waiting.map(({ position }) => position)).toEqual(waiting.map((_, index) => index + 1))
      }),
    )
  })
})

describe('engines that share a machine', () => {
  const has: Capacity = { cpus: 2, memoryBytes: 64 * GiB, gpus: [], machine: 'here' }
  const both: ReadonlyMap<string, Capacity> = new Map([
    ['fake', has],
    ['other', { ...has, ownPorts: true }],
  ])

  test('share its processors', () => {
    const holding = [aTask({ id: 'h', cpus: 1 })]
    const queue = [queuedAt('a', 2, { engine: 'other' }), queuedAt('b', 1)]
    const { start, waiting } = place(queue, holding, both, now)
    expect(ids(start)).toEqual(['a'])
    expect(ids(waiting)).toEqual(['b'])
    expect(countFits({ cpus: 1, memoryBytes: GiB, gpus: 0 }, holding, 'other', both)).toBe(1)
  })

  test('are one machine in what is given out, and what takes no place is not counted', () => {
    const beside = aTask({ id: 'beside', cpus: 2 })
    beside.request.takesNoPlace = true
    const holding = [aTask({ id: 'a', cpus: 1 }), aTask({ id: 'b', cpus: 0.5, engine: 'other' }), beside]
    expect(givenOut(holding, both)).toEqual({
      cpus: { taken: 1.5, all: 2 },
      memoryBytes: { taken: 2 * GiB, all: 64 * GiB },
      gpus: { taken: 0, all: 0 },
    })
    expect(machinesOf(new Map([...both, ['apart', { ...has, machine: 'there' }]]))).toHaveLength(2)
  })

  test('clash over ports only where tasks have none of their own', () => {
    const holding = [aTask({ id: 'h', cpus: 0.5, ports: [8080] })]
    const wish = { cpus: 0.5, ports: [8080] }
    const queue = [queuedAt('a', 3, { ...wish, engine: 'other' }), queuedAt('b', 2, { ...wish, engine: 'other' })]
    const { start, waiting } = place([...queue, queuedAt('c', 1, wish)], holding, both, now)
    expect(ids(start)).toEqual(['a', 'b'])
    expect(waiting.map(({ why }) => why)).toEqual(['port 8080 is in use by another job'])
  })
})

test('countFits counts what could start beside the rest', () => {
  const has = machine(4)
  const wants = { cpus: 1, memoryBytes: GiB, gpus: 0 }
  expect(countFits(wants, [], 'fake', has)).toBe(4)
  expect(countFits(wants, [aTask({ state: 'running', cpus: 3 })], 'fake', has)).toBe(1)
  expect(countFits({ ...wants, gpus: 1 }, [], 'fake', has)).toBe(0)
})

describe('a gang', () => {
  const gang = (id: string, size: number, secondsAgo: number, more: Parameters<typeof aTask>[0] = {}) => {
    const hosts = Object.fromEntries(
      Array.from({ length: size }, (_, index) => [`${id}-${index}`, `127.0.${id}.${index}`]),
    )
    return Object.keys(hosts).map((hostname) =>
      queuedAt(hostname, secondsAgo, { ...more, gang: { id, size, hostname, hosts, files: {} } }),
    )
  }

  test('gets places for all of its tasks, or for none', () => {
    const queue = [...gang('1', 3, 9), queuedAt('small', 1)]
    expect(ids(place(queue, [], machine(3), now).start)).toEqual(['1-0', '1-1', '1-2'])
    const narrow = place(queue, [aTask({ id: 'h' })], machine(3), now)
    expect(ids(narrow.start)).toEqual(['small'])
    expect(narrow.waiting.map(({ task, position, why }) => [task.id, position, why])).toEqual(
      ['1-0', '1-1', '1-2'].map((id) => [id, 1, 'for its 3 nodes together, the processors are taken (it needs 1)']),
    )
  })

  test('waits until all of its tasks are in the queue', () => {
    const { start, waiting } = place(gang('1', 3, 9).slice(1), [], machine(8), now)
    expect(start).toEqual([])
    expect(waiting[0]?.why).toBe('the other 1 of its 3 nodes are not in the queue yet')
  })

  test('never waits with another for what each of them holds', () => {
    const mixed = [...gang('1', 3, 9), ...gang('2', 3, 9)].sort(({ id: a }, { id: b }) =>
      a.slice(2).localeCompare(b.slice(2)),
    )
    const first = place(mixed, [], machine(4), now)
    expect(ids(first.start)).toEqual(['1-0', '1-1', '1-2'])
    expect(ids(place(mixed.slice(0, 0).concat(gang('2', 3, 9)), [], machine(4), now).start)).toHaveLength(3)
  })

  test('is not starved by small ones, once it has waited long', () => {
    const holding = [aTask({ id: 'h' })]
    const late = place([...gang('1', 4, overtakeMs / 1000 + 1), queuedAt('small', 1)], holding, machine(4), now)
    expect(ids(late.start)).toEqual([])
  })

  test('has GPUs of its own for each task', () => {
    const { start } = place(gang('1', 2, 9, { wantsGpus: 2 }), [], machine(8, 4), now)
    expect(start.map(({ gpus }) => gpus)).toEqual([
      [0, 1],
      [2, 3],
    ])
  })

  test('may listen on one port at several addresses', () => {
    expect(place(gang('1', 2, 9, { ports: [8080] }), [], machine(4), now).start).toHaveLength(2)
  })

  test('places no more than there is, and no part of a gang, whatever is asked for', () => {
    const unit = fc.record({ size: fc.integer({ min: 1, max: 5 }), cpus: fc.integer({ min: 1, max: 4 }) })
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 12 }), fc.integer({ min: 1, max: 12 }), (units, cpus) => {
        const queue = units.flatMap(({ size, cpus }, index) => gang(String(index), size, index, { cpus }))
        const { start, waiting } = place(queue, [], machine(cpus), now)
        expect(start.length + waiting.length).toBe(queue.length)
        expect(start.reduce((sum, { task }) => sum + task.request.resources.cpus, 0)).toBeLessThanOrEqual(cpus)
        const started = Map.groupBy(start, ({ task }) => task.request.gang!.id)
        for (const tasks of started.values()) expect(tasks).toHaveLength(tasks[0]!.task.request.gang!.size)
      }),
    )
  })

  test('is told when it can never be', () => {
    const wants = (cpus: number) =>
      Array.from({ length: 3 }, () => ({ engine: 'fake', resources: { cpus, memoryBytes: GiB, gpus: 0 } }))
    expect(gangObstacle(wants(2), machine(6))).toBeNull()
    expect(gangObstacle(wants(4), machine(6))).toBe('all nodes together need 12 processors, and this machine has 6')
  })
})
