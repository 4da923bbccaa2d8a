import { once } from 'node:events'
import type { ExecEvent } from '@nabla/api/exec'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { limits } from '../../lib/limits.ts'
import { eachDatabase, type MakeDatabase } from '../../testing/database.ts'
import { aCaller } from '../../testing/fixtures.ts'
import { listens, servingJob } from '../../testing/served.ts'
import { startTestServer, type TestServer } from '../../testing/server.ts'

/** One connection, and all that came over it. */
interface Terminal {
  socket: WebSocket
  events: ExecEvent[]
  output: string
  say(request: object): void
  /** Waits until something that came suits. */
  until(suits: (terminal: Terminal) => boolean): Promise<void>
  closed: Promise<number>
}

function connectTo(server: TestServer, job: string, headers: Record<string, string>): Terminal {
  const address = server.running().url.replace('http', 'ws')
  const socket = new WebSocket(`${address}/api/v1/jobs/${job}/exec`, { headers })
  onTestFinished(() => socket.terminate())
  const terminal: Terminal = {
    socket,
    events: [],
    output: '',
    say: (request) => socket.send(JSON.stringify(request)),
    async until(suits) {
      await expect.poll(() => suits(terminal), { timeout: 20_000, interval: 5 }).toBe(true)
    },
    closed: once(socket, 'close').then(([code]) => code as number),
  }
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) terminal.output += data.subarray(1).toString()
    else terminal.events.push(JSON.parse(data.toString()) as ExecEvent)
  })
  return terminal
}

const withKey = (server: TestServer) => ({ authorization: `Bearer ${server.key}` })

/** A job on the fake engine, whose `sh` writes what it reads. */
async function runningJob(make: MakeDatabase, port = 8080): Promise<{ server: TestServer; job: string }> {
  const server = await startTestServer(make)
  const job = await servingJob(server, port)
  const { deps } = server.running()
  await expect
    .poll(async () => {
      server.clock.advance(100)
      const reports = await deps.engines.get('fake')?.list()
      return reports?.[0]?.state
    })
    .toBe('running')
  return { server, job }
}

eachDatabase((make) => {
  describe('a program in a running job', () => {
    test('reads and writes, ends with its code, and is noted with who ran it', async () => {
      const { server, job } = await runningJob(make)
      const terminal = connectTo(server, job, withKey(server))
      await once(terminal.socket, 'open')
      terminal.say({ type: 'start', argv: ['sh'], tty: true, columns: 100, rows: 30 })
      await terminal.until(({ output }) => output.includes('100x30'))
      terminal.say({ type: 'resize', columns: 44, rows: 11 })
      await terminal.until(({ output }) => output.includes('44x11'))
      terminal.socket.send(Buffer.from('hello\r'))
      await terminal.until(({ output }) => output.includes('hello\r\nhello'))
      terminal.socket.send(Buffer.from('exit\r'))
      expect(await terminal.closed).toBe(1000)
      expect(terminal.events).toMatchObject([{ type: 'started' }, { type: 'exited', code: 0 }])
      await expect
        .poll(async () => (await server.client.event.list({ subject: job, after: 0 })).items.map(({ type }) => type))
        .toContain('job.exec_ended')
      const { items } = await server.client.event.list({ subject: job, after: 0 })
      const noted = items.filter(({ type }) => type.startsWith('job.exec'))
      expect(noted).toMatchObject([
        { type: 'job.exec_started', actor: 'admin', data: { command: 'sh', tty: true } },
        { type: 'job.exec_ended', actor: 'admin', data: { command: 'sh', exitCode: 0 } },
      ])
    })

    test('goes on while the connection is lost, and shows what was missed to the same person only', async () => {
      const { server, job } = await runningJob(make)
      const first = connectTo(server, job, withKey(server))
      await once(first.socket, 'open')
      first.say({ type: 'start', argv: ['sh'], tty: true })
      await first.until(({ output }) => output.endsWith('$ '))
      first.socket.send(Buffer.from('one\r'))
      await first.until(({ output }) => output.includes('one\r\none'))
      const [started] = first.events
      const session = started?.type === 'started' ? started.session : ''
      first.socket.terminate()
      await first.closed

      const mate = await aCaller(server.running().deps.db, {
        team: await server
          .running()
          .deps.db.selectFrom('teams')
          .selectAll()
          .where('name', '=', 'main')
          .executeTakeFirstOrThrow(),
      })
      const thief = connectTo(server, job, { authorization: `Bearer ${mate.secret}` })
      await once(thief.socket, 'open')
      thief.say({ type: 'attach', session, received: 0 })
      await thief.until(({ events }) => events.length > 0)
      expect([thief.events[0], thief.output]).toMatchObject([{ type: 'failed', error: { code: 'exec_ended' } }, ''])

      const again = connectTo(server, job, withKey(server))
      await once(again.socket, 'open')
      again.say({ type: 'attach', session, received: 0 })
      await again.until(({ output }) => output.includes('one\r\none'))
      again.socket.send(Buffer.from('exit\r'))
      await again.closed
      expect(again.events.at(-1)).toEqual({ type: 'exited', code: 0 })
    })

    test('ends some minutes after the connection was lost', async () => {
      const { server, job } = await runningJob(make)
      const lost = connectTo(server, job, withKey(server))
      await once(lost.socket, 'open')
      lost.say({ type: 'start', argv: ['cat'] })
      await lost.until(({ events }) => events.length > 0)
      lost.socket.terminate()
      await lost.closed
      await expect
        .poll(async () => {
          server.clock.advance(limits.execKeptMs)
          const { items } = await server.client.event.list({ subject: job, after: 0 })
          return items.find(({ type }) => type === 'job.exec_ended')?.data
        })
        .toMatchObject({ exitCode: 129 })
    })

    test('is refused by the rules of every other route', async () => {
      const { server, job } = await runningJob(make)
      const { url } = server.running()
      const status = async (headers: Record<string, string>, path = `jobs/${job}/exec`) => {
        const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/${path}`, { headers })
        socket.on('error', () => {})
        const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }]
        socket.terminate()
        return response.statusCode
      }
      const stranger = await aCaller(server.running().deps.db)
      expect(await status({})).toBe(401)
      expect(await status({ authorization: 'Bearer nabla_wrong' })).toBe(401)
      expect(await status({ authorization: `Bearer ${stranger.secret}` })).toBe(404)
      expect(await status({ ...withKey(server), host: 'evil.example' })).toBe(421)
      expect(await status({ ...withKey(server), origin: 'http://evil.example' })).toBe(403)
      // What a page that a task serves would send along, from another port or name of the same machine.
      const { code } = await server.client.session.createCode()
      const signedIn = await fetch(`${url}/api/v1/sessions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: url, 'sec-fetch-site': 'same-origin' },
        body: JSON.stringify({ code }),
      })
      const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? ''
      expect(cookie).toMatch(/nabla_session/)
      for (const origin of [`http://${job}-8080.localhost:${new URL(url).port}`, 'http://127.0.0.1:9999']) {
        expect(await status({ cookie, origin })).toBe(403)
      }
      expect(await status({ cookie })).toBe(403)
      expect((await fetch(`${url}/api/v1/jobs/${job}/exec`, { headers: withKey(server) })).status).toBe(426)
      const own = connectTo(server, job, { cookie, origin: url })
      await once(own.socket, 'open')
    })

    test('a port of it can be reached through the server, as bytes', async () => {
      const { port } = await listens((request, response) => void response.end(`you asked for ${request.url}`))
      const { server, job } = await runningJob(make, port)
      const address = `${server.running().url.replace('http', 'ws')}/api/v1/jobs/${job}/ports/${port}/stream`
      const socket = new WebSocket(address, { headers: withKey(server) })
      onTestFinished(() => socket.terminate())
      await once(socket, 'open')
      let all = ''
      socket.on('message', (data: Buffer) => (all += data.toString()))
      socket.send(Buffer.from('GET /x HTTP/1.1\r\nhost: me\r\nconnection: close\r\n\r\n'))
      await once(socket, 'close')
      expect(all).toContain('you asked for /x')
    })
  })
})
