import { describe, expect, test } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

const GiB = 1024 ** 3
const oneProcessor = { cpus: 1, memoryBytes: 8 * GiB, gpus: [] }

const submit = (server: TestServer, command: string, more: object = {}) =>
  server.client.job.create({ body: { command, project: 'demo', ...more } })

/** Submits, and lets the loop take note. */
async function queue(server: TestServer, command: string, more: object = {}) {
  const job = await submit(server, command, more)
  await server.running().deps.loop.idle()
  return job
}

const eventsOf = async (server: TestServer, subject: string) =>
  (await server.client.event.list({ subject, after: 0, limit: 200 })).items.map((event) => event.type)

eachDatabase((make) => {
  describe('the control loop', () => {
    test('runs a job to its end, with its log and its events', async () => {
      const server = await startTestServer(make)
      const job = await submit(server, 'print=hello run=5s')
      expect(job.state).toBe('pending')
      const done = await server.untilState(job.id, 'succeeded')
      expect(done).toMatchObject({ exitCode: 0, attempt: 1, reason: null })
      expect(done.phases.map((phase) => phase.name)).toEqual(['queue', 'files', 'run', 'collect'])
      const log = await server.client.job.logs({ job: job.id })
      expect(log.items.map((line) => [line.seq, line.source, line.text])).toEqual([[1, 'stdout', 'hello']])
      expect(log.ended).toBe(true)
      expect(await eventsOf(server, job.id)).toEqual(['job.created', 'job.started', 'job.succeeded'])
    })

    test('tells how a job failed', async () => {
      const server = await startTestServer(make)
      const failed = await submit(server, 'exit=3')
      expect(await server.untilState(failed.id, 'failed')).toMatchObject({ exitCode: 3 })
      const setup = await submit(server, 'setup=No_such_package.')
      expect(await server.untilState(setup.id, 'error')).toMatchObject({ exitCode: null, reason: 'No such package.' })
    })

    test('a waiting job knows its place and what it waits for, and runs when there is room', async () => {
      const server = await startTestServer(make, oneProcessor)
      const first = await submit(server, 'run=60s')
      await server.untilState(first.id, 'running')
      const second = await queue(server, 'run=1s')
      const third = await queue(server, 'run=1s', { priority: 90 })
      const why = 'the processors are taken (it needs 1)'
      expect((await server.client.job.show({ job: third.id })).queue).toEqual({ position: 1, why })
      expect((await server.client.job.show({ job: second.id })).queue).toEqual({ position: 2, why })
      await server.untilState(second.id, 'succeeded')
      const [a, b] = [await server.client.job.show({ job: third.id }), await server.client.job.show({ job: second.id })]
      expect(a.endedAt! <= b.startedAt!).toBe(true)
    })

    test('stops a running job and one that waits', async () => {
      const server = await startTestServer(make, oneProcessor)
      const running = await submit(server, 'run=600s')
      await server.untilState(running.id, 'running')
      const waiting = await submit(server, 'run=1s')
      await server.client.job.stop({ job: waiting.id, body: {} })
      expect(await server.untilState(waiting.id, 'cancelled')).toMatchObject({ startedAt: null })
      await server.client.job.stop({ job: running.id, body: { graceSeconds: 1 } })
      await server.untilState(running.id, 'cancelled')
      expect(await eventsOf(server, running.id)).toEqual([
        'job.created',
        'job.started',
        'job.stop_requested',
        'job.cancelled',
      ])
      const again = await server.client.job.stop({ job: running.id, body: {} })
      expect(again.state).toBe('cancelled')
    })

    test('retries what failed, with one log over all attempts', async () => {
      const server = await startTestServer(make)
      const job = await submit(server, 'print=try exit=1', { retries: 2 })
      expect(await server.untilState(job.id, 'failed')).toMatchObject({ attempt: 3, exitCode: 1 })
      const { items } = await server.client.job.logs({ job: job.id })
      expect(items.filter((line) => line.text === 'try')).toHaveLength(3)
      expect(items.map((line) => line.seq)).toEqual(items.map((_, index) => index + 1))
    })

    test('a lost task is told from a failed one', async () => {
      const server = await startTestServer(make)
      const job = await submit(server, 'run=600s', { retries: 1, retryOn: 'machine' })
      await server.untilState(job.id, 'running')
      server.fake.lose(server.fake.ids()[0]!)
      await server.untilState(job.id, 'pending')
      const again = await server.untilState(job.id, 'running')
      expect(again.attempt).toBe(2)
      server.fake.lose(server.fake.ids()[0]!)
      expect((await server.untilState(job.id, 'error')).reason).toContain('The machine lost it')
    })

    test('the time limit ends a job, whatever is done to the clock', async () => {
      const server = await startTestServer(make)
      const job = await submit(server, 'run=600s', { timeLimitSeconds: 60 })
      await server.untilState(job.id, 'running')
      server.clock.jump(3_600_000)
      server.clock.advance(20_000)
      expect((await server.client.job.wait({ job: job.id, seconds: 0 })).state).toBe('running')
      server.clock.jump(-7_200_000)
      const ended = await server.untilState(job.id, 'error')
      expect(ended.reason).toBe('It was stopped at its time limit of 60 s.')
    })

    test('a server that starts again carries on with what runs', async () => {
      const server = await startTestServer(make)
      const jobs = await Promise.all([1, 2, 3].map((n) => submit(server, `print=job-${n} run=30s`)))
      await server.untilState(jobs[0]!.id, 'running')
      await server.restart()
      for (const job of jobs) {
        expect(await server.untilState(job.id, 'succeeded')).toMatchObject({ attempt: 1 })
        expect(await eventsOf(server, job.id)).toEqual(['job.created', 'job.started', 'job.succeeded'])
      }
      expect(server.fake.ids()).toHaveLength(0)
    })

    test('an engine that is down holds up its jobs and loses none', async () => {
      const server = await startTestServer(make)
      const job = await submit(server, 'run=5s')
      await server.untilState(job.id, 'running')
      server.fake.down = true
      server.clock.advance(60_000)
      await server.running().deps.loop.idle()
      expect((await server.client.job.show({ job: job.id })).state).toBe('running')
      server.fake.down = false
      await server.untilState(job.id, 'succeeded')
    })

    test('a deleted job leaves nothing behind', async () => {
      const server = await startTestServer(make)
      const job = await submit(server, 'print=x run=600s')
      await server.untilState(job.id, 'running')
      await expect(server.client.job.delete({ job: job.id })).rejects.toMatchObject({ code: 'conflict' })
      await server.client.job.delete({ job: job.id, force: true })
      await expect(server.client.job.show({ job: job.id })).rejects.toMatchObject({ code: 'not_found' })
      const { db } = server.running().deps
      for (const _ of [1, 2, 3]) {
        await server.running().deps.loop.idle()
        server.clock.advance(10_000)
      }
      await server.running().deps.loop.idle()
      expect(await db.selectFrom('jobs').select('id').execute()).toEqual([])
      expect(await db.selectFrom('volumes').select('id').where('purpose', '=', 'artifacts').execute()).toEqual([])
    })
  })
})
