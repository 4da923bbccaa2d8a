import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { eachDatabase } from '../testing/database.ts'
import { ask, cookieOf, listens, servingJob, socketTo } from '../testing/served.ts'
import { startTestServer } from '../testing/server.ts'

eachDatabase((make, dialect) => {
  // Nothing here asks the database for more than who it is.
  describe.skipIf(dialect === 'postgres')('what goes through', () => {
    test('is streamed both ways, of any size, with the headers of the task but those that are ours', async () => {
      const server = await startTestServer(make)
      const first = Promise.withResolvers<void>()
      const { port } = await listens((request, response) => {
        if (request.url === '/echo') {
          const headers =
            'X-Twice:1|X-Twice:2|Set-Cookie:a=1; Domain=localhost; Path=/|Set-Cookie:b=2|Set-Cookie:nabla_session_0=x|' +
            'Strict-Transport-Security:max-age=1|Clear-Site-Data:"*"|Alt-Svc:h2=":1"|Connection:close, X-Hop|X-Hop:gone'
          response.writeHead(201, 'Made', headers.split(/[|:](?!1")/))
          request.pipe(response)
        } else if (request.url === '/events') {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.write('data: 1\n\n')
          void first.promise.then(() => response.end('data: 2\n\n'))
        } else if (request.url === '/half') {
          response.writeHead(200, { 'content-length': 100 })
          response.write('half', () => response.destroy())
        } else request.socket.destroy()
      })
      const job = await servingJob(server, port)
      const { address, token } = await server.client.job.openPort({ job, port, body: {} })
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' }
      const body = Buffer.alloc(3_000_000, 'abcdefg')
      const echoed = await ask(server, `${address}echo`, { method: 'POST', headers, body })
      expect([echoed.status, echoed.body.length, echoed.headers['x-twice']]).toEqual([201, body.length, '1, 2'])
      expect(echoed.headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2'])
      for (const name of ['strict-transport-security', 'clear-site-data', 'alt-svc', 'x-hop']) {
        expect(echoed.headers[name]).toBeUndefined()
      }
      const host = new URL(address).host
      const own = new URL(server.running().url).port
      const sent = httpRequest({ host: '127.0.0.1', port: own, path: '/events', headers: { ...headers, host } })
      sent.end()
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      expect(String((await once(answer, 'data'))[0])).toBe('data: 1\n\n')
      first.resolve()
      expect((await buffer(answer)).toString()).toBe('data: 2\n\n')
      await expect(ask(server, `${address}half`, { headers })).rejects.toThrow(/aborted|hang up/)
      const broken = await ask(server, `${address}broken`, { headers })
      expect([broken.status, broken.body.includes('serving_failed')]).toEqual([502, true])
    })

    test('WebSockets keep their subprotocols, their frames and their closing codes', async () => {
      const server = await startTestServer(make)
      const made = await listens((_, response) => void response.writeHead(400).end('no'))
      const sockets = new WebSocketServer({
        server: made.server,
        handleProtocols: (offered) => [...offered].at(-1) ?? false,
        verifyClient: ({ req }: { req: IncomingMessage }) => req.url !== '/refused',
      })
      sockets.on('connection', (socket) => {
        socket.on('message', (data: Buffer, isBinary) => {
          if (data.toString() === 'bye') socket.close(4001, 'as asked')
          else socket.send(data, { binary: isBinary })
        })
      })
      const job = await servingJob(server, made.port)
      const link = await server.client.job.openPort({ job, port: made.port, body: {} })
      const cookie = await cookieOf(server, link)
      const { origin } = new URL(link.address)
      const socket = socketTo(server, link.address, { headers: { cookie, origin } }, ['v1', 'v2'])
      await once(socket, 'open')
      expect(socket.protocol).toBe('v2')
      socket.send('text')
      expect(await once(socket, 'message')).toMatchObject([Buffer.from('text'), false])
      const bytes = Buffer.alloc(200_000, 7)
      socket.send(bytes)
      const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean]
      expect([bytes.equals(data), isBinary]).toEqual([true, true])
      socket.send('bye')
      expect(await once(socket, 'close')).toMatchObject([4001, Buffer.from('as asked')])

      const refusals: [string, Record<string, string>, number][] = [
        ['without anything', {}, 401],
        ['from another page', { cookie, origin: 'http://evil.example' }, 403],
        ['from the page of another port', { cookie, origin: origin.replace(String(made.port), '1234') }, 403],
        ['without saying from where', { cookie }, 403],
      ]
      for (const [, headers, status] of refusals) {
        const refused = socketTo(server, link.address, { headers })
        refused.on('error', () => {})
        const [, answer] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage]
        expect(answer.statusCode).toBe(status)
      }
      const byTask = socketTo(server, `${link.address}refused`, { headers: { cookie, origin } })
      byTask.on('error', () => {})
      const [, answer] = (await once(byTask, 'unexpected-response')) as [unknown, IncomingMessage]
      expect(answer.statusCode).toBe(401)
    })

    test('pages of other origins cannot use the cookie, but may link here', async () => {
      const server = await startTestServer(make)
      const { port } = await listens((_, response) => void response.end('served'))
      const job = await servingJob(server, port)
      const link = await server.client.job.openPort({ job, port, body: {} })
      const cookie = await cookieOf(server, link)
      const { origin } = new URL(link.address)
      const evil = 'http://evil.localhost:1'
      const tries: [number, string, Record<string, string>][] = [
        [200, 'GET', { 'sec-fetch-site': 'same-origin' }],
        [200, 'POST', { 'sec-fetch-site': 'same-origin', origin }],
        [200, 'POST', { origin }],
        [200, 'GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
        [403, 'GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
        [403, 'GET', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' }],
        [403, 'GET', { origin: evil }],
        [403, 'POST', { origin: evil, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
        [403, 'POST', { 'sec-fetch-site': 'none' }],
        [403, 'DELETE', {}],
      ]
      for (const [status, method, headers] of tries) {
        const answer = await ask(server, link.address, { method, headers: { ...headers, cookie } })
        expect([answer.status, method, headers]).toEqual([status, method, headers])
      }
    })

    test('nothing of the API is found where tasks serve, nor the other way round', async () => {
      const server = await startTestServer(make)
      const { port } = await listens((request, response) => void response.end(`the task was asked for ${request.url}`))
      const job = await servingJob(server, port)
      const { address, token } = await server.client.job.openPort({ job, port, body: {} })
      const { origin } = new URL(address)
      const own = { authorization: `Bearer ${token}` }
      expect((await ask(server, `${address}api/v1/me`, { headers: own })).body).toBe(
        'the task was asked for /api/v1/me',
      )
      const { url } = server.running()
      // The token is no key of the API, and a page that is served may not ask for anything there.
      expect((await fetch(`${url}/api/v1/me`, { headers: own })).status).toBe(401)
      const key = { authorization: `Bearer ${server.key}` }
      const read = await fetch(`${url}/api/v1/me`, { headers: { ...key, origin } })
      expect(read.headers.get('access-control-allow-origin')).toBeNull()
      const form = { ...key, origin, 'content-type': 'text/plain' }
      const posted = await fetch(`${url}/api/v1/projects`, { method: 'POST', headers: form, body: '{"name":"x"}' })
      expect(posted.status).toBe(403)
    })

    test('says what is the matter, as a page or as JSON', async () => {
      const server = await startTestServer(make)
      const { port, server: program } = await listens(() => undefined)
      program.close()
      const job = await servingJob(server, port)
      const { address, token } = await server.client.job.openPort({ job, port, body: {} })
      const headers = { authorization: `Bearer ${token}`, accept: 'text/html', 'sec-fetch-mode': 'navigate' }
      const waiting = ask(server, address, { headers })
      let settled = false
      void waiting.finally(() => (settled = true))
      await expect.poll(() => (server.clock.advance(1000), settled), { timeout: 20_000, interval: 10 }).toBe(true)
      const page = await waiting
      expect([page.status, page.headers['content-type']]).toEqual([503, 'text/html; charset=utf-8'])
      expect(page.body).toContain(`nothing listens on port ${port} yet`)
      expect(page.body).toContain('http-equiv="refresh"')
      expect(page.headers['content-security-policy']).toContain("default-src 'none'")
      await server.client.job.stop({ job, body: { graceSeconds: 0 } })
      await server.untilState(job, 'cancelled')
      const over = await ask(server, address, { headers: { authorization: `Bearer ${token}` } })
      expect([over.status, over.body]).toEqual([503, expect.stringContaining('it has ended (cancelled)')])
      await server.client.job.delete({ job })
      expect((await ask(server, address, { headers: { authorization: `Bearer ${server.key}` } })).status).toBe(404)
    })

    test('a program that begins to listen a moment later is waited for', async () => {
      const server = await startTestServer(make)
      const { port, server: program } = await listens(() => undefined)
      program.close()
      const job = await servingJob(server, port)
      const { address, token } = await server.client.job.openPort({ job, port, body: {} })
      const waiting = ask(server, address, { headers: { authorization: `Bearer ${token}` } })
      await expect.poll(() => server.clock.pending).toBeGreaterThan(0)
      await listens((_, response) => void response.end('at last'), port)
      let settled = false
      void waiting.finally(() => (settled = true))
      await expect.poll(() => (server.clock.advance(200), settled), { timeout: 20_000, interval: 10 }).toBe(true)
      expect((await waiting).body).toBe('at last')
    })
  })
})
