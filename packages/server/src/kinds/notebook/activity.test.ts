import { once } from 'node:events'
import { notebookPort } from '@nabla/api/notebook'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import type { Report } from '../../jupyter/keeper.ts'
import { toIso } from '../../lib/clock.ts'
import { eachDatabase, type MakeDatabase } from '../../testing/database.ts'
import { listens, socketTo } from '../../testing/served.ts'
import { startTestServer, type TestServer } from '../../testing/server.ts'
import { noteActivity } from './activity.ts'

const gpu = { index: 0, name: 'A100', memoryBytes: 40e9 }
/** Of the server's own looks nothing comes, unless a test says so. */
const silent: Record<string, unknown> = {}

/** A server with one notebook that runs, and stops when it was not used for ten minutes. */
async function startIdle(make: MakeDatabase, said = silent, gpus: (typeof gpu)[] = []): Promise<TestServer> {
  const server = await startTestServer(make, { cpus: 4, memoryBytes: 16e9, gpus })
  const { server: jupyter, port } = await listens((request, response) => {
    const answer = request.url === '/api/status' ? {} : said[request.url ?? '']
    response.statusCode = answer === undefined ? 500 : 200
    response.end(JSON.stringify(answer ?? {}))
  })
  // A terminal, or whatever else is no kernel.
  const sockets = new WebSocketServer({ server: jupyter })
  onTestFinished(() => sockets.close())
  server.fake.portOf.set(notebookPort, port)
  await server.client.notebook.create({
    body: { project: 'demo', name: 'idle', idleLimitSeconds: 600, env: { FAKE: 'run=1000000s' } },
  })
  await untilState(server, 'running')
  return server
}

async function untilState(server: TestServer, state: string): Promise<void> {
  await vi.waitFor(
    async () => {
      await server.running().deps.loop.idle()
      const found = await show(server)
      if (found.state === state) return
      server.clock.advance(500)
      throw new Error(`it is ${found.state}`)
    },
    { timeout: 20_000, interval: 5 },
  )
}

const show = (server: TestServer) => server.client.notebook.show({ notebook: 'idle' })

/** Lets time go by, with a look every two minutes that sees this. */
async function pass(server: TestServer, looks: number, seen: Partial<Report>): Promise<void> {
  const { deps } = server.running()
  const { id } = await show(server)
  for (let look = 0; look < looks; look++) {
    server.clock.advance(120_000)
    await noteActivity(deps, { id, sight: nothing, sockets: 0, usedAt: 0, ...seen })
    await deps.loop.idle()
  }
}

const nothing = { kernels: [], sessions: [], terminals: [] }
const lastActivity = toIso(0)
const kernel = (state: string) => ({ ...nothing, kernels: [{ id: 'k', state, lastActivity }] })
const terminal = (busy: boolean) => ({ ...nothing, terminals: [{ name: '1', lastActivity, busy }] })

eachDatabase((make) => {
  describe('a notebook with a limit of ten minutes', () => {
    test.each<[string, Partial<Report>, Partial<Report>, object]>([
      ['a kernel computes', { sight: kernel('busy') }, { sight: kernel('idle') }, { busyKernels: 1 }],
      ['a program runs in a terminal', { sight: terminal(true) }, { sight: terminal(false) }, { busyTerminals: 1 }],
      ['somebody is connected', { sockets: 1 }, { sockets: 0 }, { connections: 1 }],
    ])('runs on while %s, and no longer; it is warned before', async (_, busy, quiet, activity) => {
      const server = await startIdle(make)
      await pass(server, 7, busy)
      expect(await show(server)).toMatchObject({ state: 'running', warnedAt: null, activity })
      await pass(server, 4, quiet)
      expect(await show(server)).toMatchObject({ state: 'running', warnedAt: expect.any(String) })
      await pass(server, 1, busy)
      expect(await show(server)).toMatchObject({ state: 'running', warnedAt: null })
      await pass(server, 6, quiet)
      await untilState(server, 'stopped')
      expect((await show(server)).reason).toBe('It was not used for 10 minutes.')
    })

    test('runs on while one of its GPUs is used in bursts, as its task was measured', async () => {
      const server = await startIdle(make, silent, [gpu])
      const { deps } = server.running()
      const { id } = await show(server)
      const task = await deps.db.selectFrom('tasks').selectAll().where('ownerId', '=', id).executeTakeFirstOrThrow()
      expect(task.gpus).toBe('[0]')
      // A moment of work, and a look when it is over.
      deps.measurements.append(id, {
        at: server.clock.now(),
        values: [{ name: 'gpuUtilization', labels: { gpu: '0' }, value: 40 }],
      })
      deps.measurements.append(id, {
        at: server.clock.now() + 2000,
        values: [{ name: 'gpuUtilization', labels: { gpu: '0' }, value: 0 }],
      })
      server.clock.advance(5000)
      await noteActivity(deps, { id, sight: nothing, sockets: 0, usedAt: 0 })
      expect((await show(server)).activity).toMatchObject({ busyGpus: 1, busyKernels: 0, connections: 0 })
    })

    test('counts who is connected to it, whatever to', async () => {
      const server = await startIdle(make, { '/api/kernels': [], '/api/sessions': [], '/api/terminals': [] })
      const { address, token } = await server.client.notebook.open({ notebook: 'idle', body: {} })
      const headers = { authorization: `token ${token}` }
      const socket = socketTo(server, `${address}terminals/websocket/1`, { headers })
      await once(socket, 'open')
      await vi.waitFor(
        async () => {
          server.clock.advance(1000)
          expect((await show(server)).activity).toMatchObject({ connections: 1 })
        },
        { timeout: 20_000, interval: 5 },
      )
    })
  })
})
