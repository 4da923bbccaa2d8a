import type { Experiment, ExperimentState } from '@nabla/api/experiment'
import { describe, expect, test, vi } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

const GiB = 1024 ** 3
const eightProcessors = { cpus: 8, memoryBytes: 64 * GiB, gpus: [] }

type Role = { name: string; command?: string; count?: number; machineType?: string }

const gang = (roles: Role[], more: object = {}) => ({
  kind: 'multi-node' as const,
  scheme: 'none' as const,
  project: 'demo',
  machineType: 'C1',
  start: true,
  roles,
  ...more,
})

const untilState = (server: TestServer, experiment: string, state: ExperimentState): Promise<Experiment> =>
  vi.waitFor(
    async () => {
      await server.running().deps.loop.idle()
      const found = await server.client.experiment.show({ experiment })
      if (found.state === state) return found
      server.clock.advance(500)
      throw new Error(`experiment ${experiment} is ${found.state}, not ${state}: ${found.reason}`)
    },
    { timeout: 20_000, interval: 5 },
  )

const statesOf = ({ jobs }: Experiment) => jobs.map(({ host, state }) => `${host} ${state}`)

eachDatabase((make) => {
  describe('experiments', () => {
    test('of a single node are one job, which knows them, and keep how they were made', async () => {
      const server = await startTestServer(make)
      const made = await server.client.experiment.create({
        body: {
          kind: 'single',
          command: 'print=hello exit=0',
          project: 'demo',
          name: 'one',
          tags: ['a'],
          cliCommand: 'x',
        },
      })
      expect(made).toMatchObject({
        state: 'created',
        jobs: [],
        cliCommand: 'x',
        tags: ['a'],
        createdBy: { name: 'admin' },
      })
      await server.client.experiment.start({ experiment: 'one' })
      const done = await untilState(server, made.id, 'succeeded')
      expect(done).toMatchObject({ exitCode: 0, nodes: 1, jobs: [{ name: 'one', state: 'succeeded' }] })
      const job = await server.client.job.show({ job: done.jobs[0]!.id })
      expect(job.experiment).toEqual({ id: made.id, name: 'one', role: 'worker', index: 0, attempt: 1 })
      expect(done.spec).toEqual(made.spec)
      const log = await server.client.experiment.logs({ experiment: 'one' })
      expect(log.items.map(({ host, text }) => [host, text])).toEqual([['one', 'hello']])
      const again = await server.client.experiment.clone({
        experiment: 'one',
        body: { command: 'exit=3', start: true },
      })
      expect(again).toMatchObject({ parentExperimentId: made.id, tags: ['a'], cliCommand: null })
      expect(await untilState(server, again.id, 'failed')).toMatchObject({ exitCode: 3 })
      expect(await server.client.experiment.counts({})).toMatchObject({
        total: 2,
        byState: { failed: 1, succeeded: 1 },
      })
      await server.client.experiment.delete({ experiment: made.id })
      await expect(server.client.job.show({ job: job.id })).rejects.toMatchObject({ status: 404 })
    })

    test('of several nodes start together, know each other, and end together', async () => {
      const server = await startTestServer(make, eightProcessors)
      const { id } = await server.client.experiment.create({
        body: gang(
          [
            { name: 'worker', command: 'print=hi run=2s', count: 2 },
            { name: 'ps', command: 'run=900s' },
          ],
          {
            scheme: 'tensorflow',
            name: 'mnist',
          },
        ),
      })
      const running = await untilState(server, id, 'running')
      expect(running.jobs.map(({ name }) => name)).toEqual(['mnist-worker-1', 'mnist-worker-2', 'mnist-ps-1'])
      const [first] = server.fake.specs.filter(({ hostname }) => hostname === 'worker-0')
      expect(Object.keys(first!.hosts!)).toEqual(['worker-0', 'worker-1', 'ps-0'])
      expect(first!.env).toMatchObject({ TYPE: 'master', INDEX: '0', NABLA_RANK: '0', NABLA_WORLD_SIZE: '3' })
      expect(first!.mounts.map(({ target }) => target)).toContain('/generated')
      await expect(server.client.job.delete({ job: running.jobs[0]!.id, force: true })).rejects.toMatchObject({
        code: 'conflict',
      })
      const done = await untilState(server, id, 'succeeded')
      expect(statesOf(done)).toEqual(['worker-0 succeeded', 'worker-1 succeeded', 'ps-0 succeeded'])
      const page = await server.client.experiment.logs({ experiment: id, limit: 1 })
      expect(page.items).toHaveLength(1)
      const rest = await server.client.experiment.logs({ experiment: id, after: page.next })
      expect([...page.items, ...rest.items].map(({ host }) => host).toSorted()).toEqual(['worker-0', 'worker-1'])
      const streamed: string[] = []
      for await (const { data } of server.client.experiment.followLogs({ experiment: id })) {
        streamed.push(`${data.host} ${data.text}`)
      }
      expect(streamed.toSorted()).toEqual(['worker-0 hi', 'worker-1 hi'])
    })

    test('end with the reason of the node that failed first, and start whole again when that is asked for', async () => {
      const server = await startTestServer(make, eightProcessors)
      const body = gang(
        [
          { name: 'good', command: 'run=900s' },
          { name: 'bad', command: 'run=3s exit=7' },
        ],
        { retries: 1 },
      )
      const { id } = await server.client.experiment.create({ body })
      await untilState(server, id, 'running')
      const done = await untilState(server, id, 'failed')
      expect(done).toMatchObject({ attempt: 2, exitCode: 7, reason: 'bad-0: The command ended with exit code 7.' })
      expect(statesOf(done)).toEqual(['good-0 cancelled', 'bad-0 failed'])
      const last = await server.client.job.show({ job: done.jobs[1]!.id })
      expect(last.experiment).toMatchObject({ role: 'bad', attempt: 2 })
      const { items } = await server.client.job.list({})
      expect(items.map(({ name }) => name).filter((name) => name.endsWith('-bad-1'))).toHaveLength(2)
    })

    test('wait until all nodes fit, and end when one does not come up', async () => {
      const server = await startTestServer(make, eightProcessors)
      const other = await server.client.job.create({ body: { command: 'run=30s', project: 'demo', machineType: 'C4' } })
      const roles = [
        { name: 'a', command: 'run=900s', count: 4 },
        { name: 'b', command: 'start=900s', machineType: 'C2' },
      ]
      const { id } = await server.client.experiment.create({ body: gang(roles, { startLimitSeconds: 20 }) })
      await server.running().deps.loop.idle()
      const waiting = await server.client.experiment.show({ experiment: id })
      expect(waiting.state).toBe('pending')
      expect((await server.client.job.show({ job: waiting.jobs[0]!.id })).queue?.why).toMatch(
        /^for its 5 nodes together/,
      )
      await server.untilState(other.id, 'succeeded')
      await untilState(server, id, 'provisioning')
      const done = await untilState(server, id, 'error')
      expect(done.reason).toBe('b-0: Its command did not begin in time.')
    })

    test('are carried on by another server, wherever the first one was killed', async () => {
      const server = await startTestServer(make, eightProcessors)
      const { id } = await server.client.experiment.create({
        body: gang([{ name: 'x', command: 'run=5s', count: 3 }], { retries: 1, startLimitSeconds: 86_400 }),
      })
      await server.restart()
      await untilState(server, id, 'running')
      await server.restart()
      const done = await untilState(server, id, 'succeeded')
      expect(done).toMatchObject({ attempt: 1, jobs: [{ rank: 0 }, { rank: 1 }, { rank: 2 }] })
      expect((await server.client.job.list({})).items).toHaveLength(3)
    })

    test('are stopped with all their jobs, and deleted with them', async () => {
      const server = await startTestServer(make, eightProcessors)
      const { id } = await server.client.experiment.create({
        body: gang([{ name: 'x', command: 'run=900s', count: 2 }]),
      })
      await untilState(server, id, 'running')
      await expect(server.client.experiment.delete({ experiment: id })).rejects.toMatchObject({ code: 'conflict' })
      await server.client.experiment.stop({ experiment: id, body: {} })
      const done = await untilState(server, id, 'cancelled')
      expect(done.reason).toBe('It was stopped by hand.')
      const running = await server.client.experiment.clone({ experiment: id, body: { start: true } })
      await untilState(server, running.id, 'running')
      await server.client.experiment.delete({ experiment: running.id, force: true })
      await vi.waitFor(async () => {
        server.clock.advance(20_000)
        await server.running().deps.loop.idle()
        const { db } = server.running().deps
        expect(await db.selectFrom('experiments').select('id').where('id', '=', running.id).execute()).toEqual([])
      }, 20_000)
    })

    test('that can never be are refused, each with its sentence', async () => {
      const server = await startTestServer(make, eightProcessors)
      for (const [, roles, more, reason] of impossible) {
        await expect(server.client.experiment.create({ body: gang(roles, more) })).rejects.toMatchObject({
          code: 'bad_experiment',
          message: `This experiment cannot be: ${reason}.`,
          hint: expect.stringMatching(/\w/),
        })
      }
      const none = gang([{ name: 'x', command: 'a', count: 0 }])
      await expect(server.client.experiment.create({ body: none })).rejects.toMatchObject({ code: 'invalid' })
    })
  })
})

const impossible: [string, Role[], object, string][] = [
  [
    'two roles of one name',
    [
      { name: 'x', command: 'a' },
      { name: 'x', command: 'b' },
    ],
    {},
    'two roles are called x',
  ],
  ['a role without a command', [{ name: 'x' }], {}, 'the role x has no command'],
  ['parameter servers alone', [{ name: 'ps', command: 'a' }], { scheme: 'tensorflow' }, 'there is no worker, only ps'],
  ['MPI without a master', [{ name: 'worker' }], { scheme: 'mpi' }, 'there is no master'],
  ['a role that the scheme has not', [{ name: 'boss', command: 'a' }], { scheme: 'jax' }, 'JAX has no role boss'],
  [
    'too many nodes',
    [
      { name: 'x', command: 'a', count: 40 },
      { name: 'y', command: 'a', count: 40 },
    ],
    {},
    'it has 80 nodes, and 64 is the most',
  ],
  [
    'more than the machine has',
    [{ name: 'x', command: 'a', count: 9 }],
    {},
    'all nodes together need 9 processors, and this machine has 8',
  ],
]
