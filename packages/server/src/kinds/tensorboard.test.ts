import type { Tensorboard, TensorboardState } from '@nabla/api/tensorboard'
import { describe, expect, test, vi } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

const GiB = 1024 ** 3
const oneProcessor = { cpus: 1, memoryBytes: 4 * GiB, gpus: [] }

/** The fake engine reads in the command how long it runs, and the name stands there. */
const name = 'a run=900000s board'

/** The clock of a test is moved on while a server stops, and while one waits. */
const week = 7 * 24 * 60

const untilState = (server: TestServer, tensorboard: string, state: TensorboardState): Promise<Tensorboard> =>
  vi.waitFor(
    async () => {
      await server.running().deps.loop.idle()
      const found = await server.client.tensorboard.show({ tensorboard })
      if (found.state === state) return found
      server.clock.advance(500)
      throw new Error(`it is ${found.state}, not ${state}: ${found.reason}`)
    },
    { timeout: 20_000, interval: 5 },
  )

const aJob = async ({ client }: TestServer, name: string, command = 'exit=0') =>
  client.job.create({ body: { command, project: 'demo', name } })

const folders = (server: TestServer) =>
  server.fake.specs
    .filter(({ hostname }) => hostname === 'tensorboard')
    .flatMap(({ mounts }) => mounts.filter(({ target }) => target.startsWith('/logs/')))
    .map(({ target, mode }) => `${target} ${mode}`)

eachDatabase((make) => {
  describe('a TensorBoard', () => {
    test('shows the artifacts of jobs while these take all processors, and stops when nobody uses it', async () => {
      const server = await startTestServer(make, oneProcessor)
      const busy = await aJob(server, 'busy', 'run=900s')
      await server.untilState(busy.id, 'running')
      const waiting = await aJob(server, 'busy')
      const made = await server.client.tensorboard.create({
        body: { name, jobs: [busy.id, waiting.id], idleMinutes: 120 },
      })
      expect(made).toMatchObject({ state: 'starting', project: { name: 'demo' }, idleMinutes: 120 })
      const running = await untilState(server, made.id, 'running')
      expect(running.jobs).toHaveLength(2)
      expect(folders(server).toSorted()).toEqual([`/logs/busy ${busy.id} ro`, `/logs/busy ${waiting.id} ro`].toSorted())
      expect((await server.client.job.show({ job: waiting.id })).state).toBe('pending')
      const [spec] = server.fake.specs.filter(({ hostname }) => hostname === 'tensorboard')
      expect(spec?.listenAddress).toMatch(/^127\.(8|9|1[01])/)
      expect(spec?.command).toContain(`--host ${spec?.listenAddress}`)
      expect(spec?.env['NABLA_TENSORBOARD_KEY']).toMatch(/^[0-9a-f]{64}$/)
      const row = await server
        .running()
        .deps.db.selectFrom('tasks')
        .select('request')
        .where('ownerId', '=', made.id)
        .executeTakeFirst()
      expect(row?.request).not.toContain(spec!.env['NABLA_TENSORBOARD_KEY'])

      server.clock.advance(100 * 60_000)
      const { tensorboard, url } = await server.client.tensorboard.open({ tensorboard: name, body: {} })
      expect(tensorboard.state).toBe('running')
      expect(url).toContain(`${made.id}.localhost`)
      server.clock.advance(100 * 60_000)
      await server.running().deps.loop.idle()
      expect((await server.client.tensorboard.show({ tensorboard: name })).state).toBe('running')
      server.clock.advance(30 * 60_000)
      expect(await untilState(server, made.id, 'stopped')).toMatchObject({
        reason: expect.stringContaining('120 minutes'),
      })
      await server.client.tensorboard.open({ tensorboard: name, body: {} })
      await untilState(server, made.id, 'running')
      await server.client.tensorboard.stop({ tensorboard: name })
      expect(await untilState(server, made.id, 'stopped')).toMatchObject({ reason: null })
      await server.client.tensorboard.delete({ tensorboard: name })
      await expect(server.client.tensorboard.show({ tensorboard: made.id })).rejects.toMatchObject({ status: 404 })
    })

    test('of an experiment is started anew when that has new jobs, and goes on after a restart of the server', async () => {
      const server = await startTestServer(make)
      const experiment = await server.client.experiment.create({
        body: { kind: 'single', command: 'exit=0', project: 'demo', name: 'mnist' },
      })
      const made = await server.client.tensorboard.create({ body: { name, experiments: ['mnist'], idleMinutes: week } })
      await untilState(server, made.id, 'running')
      expect(folders(server)).toEqual([])
      await server.client.experiment.start({ experiment: experiment.id })
      await vi.waitFor(async () => {
        await server.running().deps.loop.idle()
        server.clock.advance(500)
        expect((await server.client.experiment.show({ experiment: 'mnist' })).state).toBe('succeeded')
      }, 20_000)
      const opened = await server.client.tensorboard.open({ tensorboard: made.id, body: {} })
      expect(opened.tensorboard.experiments).toEqual([{ id: experiment.id, name: 'mnist' }])
      await vi.waitFor(async () => {
        await server.running().deps.loop.idle()
        server.clock.advance(500)
        expect(folders(server)).toEqual(['/logs/mnist ro'])
      }, 20_000)
      await untilState(server, made.id, 'running')
      await server.restart()
      expect((await untilState(server, made.id, 'running')).startedAt).not.toBeNull()
    })

    test('that ends by itself says why, and one is refused that shows nothing or is one too many', async () => {
      const server = await startTestServer(make)
      await aJob(server, 'one')
      const made = await server.client.tensorboard.create({
        body: { name: 'a setup=no_such_package board', jobs: ['one'] },
      })
      expect(await untilState(server, made.id, 'failed')).toMatchObject({ reason: 'no such package' })
      await expect(server.client.tensorboard.create({ body: {} })).rejects.toMatchObject({ code: 'invalid' })
      await expect(server.client.tensorboard.create({ body: { jobs: ['none'] } })).rejects.toMatchObject({
        status: 404,
      })
      for (let count = 0; count < 8; count++) await server.client.tensorboard.create({ body: { jobs: ['one'], name } })
      const ninth = server.client.tensorboard.create({ body: { jobs: ['one'], name } })
      await expect(ninth).rejects.toMatchObject({ code: 'conflict' })
      expect((await server.client.tensorboard.list({ project: 'demo' })).items).toHaveLength(9)
      await server.client.project.delete({ project: 'demo' })
      expect((await server.client.tensorboard.list({})).items).toEqual([])
      await vi.waitFor(async () => {
        await server.running().deps.loop.idle()
        server.clock.advance(500)
        expect(server.fake.specs).toEqual([])
      }, 20_000)
    })
  })
})
