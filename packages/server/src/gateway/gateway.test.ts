import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import pino from 'pino'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../lib/clock.ts'
import type { Tick } from '../metrics/metric-store.ts'
import { aGateway, answering, aRoute, aTarget, foreignKey, key, readers, until } from '../testing/gateway.ts'
import { AccessLog } from './access-log.ts'
import { digestOfBasic } from './admit.ts'
import type { Target } from './route.ts'

describe.each(readers)('%s:', (reader) => {
  describe('requests', () => {
    test('are passed on with their body, and without what is ours', async () => {
      const { gateway, ask } = await aGateway(reader)
      const seen: IncomingMessage[] = []
      const upstream = await aTarget('a', async (request, response) => {
        seen.push(request)
        response.setHeader('set-cookie', 'a=b')
        response.end(`${request.method} ${request.url} ${await text(request)}`)
      })
      gateway.replace([aRoute({ targets: [upstream.target] })])
      const answer = await ask('/serve/shop/v1/x?y=1', {
        body: 'hello',
        headers: { cookie: 'nabla_session=1', 'x-request-id': 'mine' },
      })
      expect([answer.status, answer.body]).toEqual([200, 'POST /v1/x?y=1 hello'])
      expect(answer.headers).toMatchObject({
        'x-request-id': 'mine',
        'x-nabla-revision': '1',
        'content-security-policy': 'sandbox',
      })
      expect(answer.headers['set-cookie']).toBeUndefined()
      expect(seen[0]?.headers).toMatchObject({
        'x-request-id': 'mine',
        'x-nabla-user': 'ada',
        'x-forwarded-for': '127.0.0.1',
      })
      expect(seen[0]?.headers).not.toHaveProperty('authorization')
      expect(seen[0]?.headers).not.toHaveProperty('cookie')
    })

    test('go to the target that has the fewest under way, and each gets its answer as it comes', async () => {
      const { gateway, ask, open } = await aGateway(reader)
      const slow = await aTarget('slow', (_, response) => void response.write('first '))
      const quick = await aTarget('quick', (_, response) => void response.end('quick'))
      gateway.replace([aRoute({ targets: [slow.target] })])
      const streams = await Promise.all([open('/serve/shop/'), open('/serve/shop/')])
      for (const stream of streams) expect(String((await once(stream, 'data'))[0])).toBe('first ')
      gateway.replace([aRoute({ targets: [slow.target, quick.target] })])
      for (let times = 0; times < 5; times++) expect((await ask('/serve/shop/')).body).toBe('quick')
      expect(gateway.outstanding('slow')).toBe(2)
      for (const stream of streams) stream.destroy()
      await until(() => expect(gateway.outstanding('slow')).toBe(0))
    })

    test.each([
      ['without a key', { headers: { authorization: '' } }, 401, 'deployment_login'],
      ['with the key of another team', { headers: { authorization: `Bearer ${foreignKey}` } }, 404, 'not_served'],
      ['with too large a body', { body: 'x'.repeat(2000) }, 413, 'body_too_large'],
      ['with too large a body of unknown size', { body: 'x'.repeat(2000), chunked: true }, 413, 'body_too_large'],
    ])('%s are refused', async (_, how, status, code) => {
      const { gateway, ask } = await aGateway(reader)
      const upstream = await aTarget('a', async (request, response) =>
        response.end(await text(request).catch(() => '')),
      )
      gateway.replace([aRoute({ targets: [upstream.target], bodyBytes: 1000 })])
      const answer = await ask('/serve/shop/', how)
      expect([answer.status, answer.code]).toEqual([status, code])
    })

    test('to what is open to anyone, or with its password, need no key', async () => {
      const { gateway, ask } = await aGateway(reader)
      const { target } = await aTarget('a', (_, response) => response.end('ok'))
      const basic = { kind: 'basic', digest: digestOfBasic('me', 'secret') } as const
      gateway.replace([aRoute({ targets: [target], access: { kind: 'public' } })])
      expect((await ask('/serve/shop/', { headers: { authorization: '' } })).status).toBe(200)
      gateway.replace([aRoute({ targets: [target], access: basic })])
      const login = (password: string) => `Basic ${Buffer.from(`me:${password}`).toString('base64')}`
      expect((await ask('/serve/shop/', { headers: { authorization: login('secret') } })).status).toBe(200)
      expect((await ask('/serve/shop/', { headers: { authorization: login('wrong') } })).status).toBe(401)
    })

    test('beyond the rate are refused, of each sender by itself', async () => {
      const { gateway, ask } = await aGateway(reader)
      const { target } = await aTarget('a', (_, response) => response.end('ok'))
      gateway.replace([aRoute({ targets: [target], rate: { perSecond: 0.01, burst: 2 } })])
      const answers = [await ask('/serve/shop/'), await ask('/serve/shop/'), await ask('/serve/shop/')]
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
    })
  })

  describe('targets', () => {
    test('that refuse connections are passed over, also for what may be sent once only', async () => {
      const { gateway, ask } = await aGateway(reader)
      const gone = await aTarget('gone', (_, response) => response.end('never'))
      gone.server.close()
      const { target } = await aTarget('a', async (request, response) => response.end(await text(request)))
      gateway.replace([aRoute({ targets: [gone.target, target] })])
      for (let times = 0; times < 4; times++) expect((await ask('/serve/shop/', { body: 'once' })).body).toBe('once')
    })

    test('that break off get an idempotent request once more elsewhere, and no other', async () => {
      const { gateway, ask } = await aGateway(reader)
      const breaking = createTcpServer((socket) => void socket.once('data', () => socket.destroy()))
      breaking.listen(0, '127.0.0.1')
      await once(breaking, 'listening')
      onTestFinished(() => void breaking.close())
      const bad: Target = { id: 'bad', host: '127.0.0.1', port: (breaking.address() as AddressInfo).port, revision: 1 }
      const { target } = await aTarget('a', (_, response) => response.end('good'))
      gateway.replace([aRoute({ targets: [bad, target] })])
      for (let times = 0; times < 4; times++) expect((await ask('/serve/shop/')).body).toBe('good')
      gateway.replace([aRoute({ targets: [bad] })])
      expect(await ask('/serve/shop/', { body: 'x' })).toMatchObject({ status: 502, code: 'serving_failed' })
      gateway.replace([aRoute({ targets: [bad, target], repeatable: true })])
      for (let times = 0; times < 4; times++) expect((await ask('/serve/shop/', { body: 'x' })).body).toBe('good')
    })

    test('that are slow to answer are given up, and half an answer is not a whole one', async () => {
      const { gateway, ask, open } = await aGateway(reader)
      const silent = await aTarget('silent', () => {})
      gateway.replace([aRoute({ targets: [silent.target], timeoutMs: 100 })])
      expect(await ask('/serve/shop/')).toMatchObject({ status: 504, code: 'instance_timeout' })
      const half = await aTarget('half', (_, response) => {
        response.write('half')
        setImmediate(() => response.destroy())
      })
      gateway.replace([aRoute({ targets: [half.target] })])
      const stream = await open('/serve/shop/')
      await expect(text(stream)).rejects.toThrow()
    })

    test('that are not there yet are waited for, by so many and so long', async () => {
      const { gateway, ask } = await aGateway(reader)
      const waits: string[] = []
      gateway.onWait = (id) => void waits.push(id)
      const { target } = await aTarget('a', (_, response) => response.end('woken'))
      gateway.replace([aRoute({ targets: [], queue: 3 })])
      const waiting = [ask('/serve/shop/'), ask('/serve/shop/'), ask('/serve/shop/')]
      await until(() => expect(gateway.queued('d1')).toBe(3))
      expect(waits).toEqual(['d1', 'd1', 'd1'])
      expect(await ask('/serve/shop/')).toMatchObject({ status: 503, code: 'instance_busy' })
      gateway.replace([aRoute({ targets: [target], queue: 3 })])
      expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual(['woken', 'woken', 'woken'])
      gateway.replace([aRoute({ targets: [], holds: false, waiting: 'it is stopped' })])
      expect(await ask('/serve/shop/')).toMatchObject({ status: 503, code: 'no_instance' })
    })

    test('have no more requests at a time than they may', async () => {
      const { gateway, ask } = await aGateway(reader)
      let under = 0
      let most = 0
      const { target } = await aTarget('a', async (_, response) => {
        most = Math.max(most, ++under)
        for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
        under -= 1
        response.end('ok')
      })
      gateway.replace([aRoute({ targets: [target], perTarget: 2 })])
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/serve/shop/')))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
      expect(most).toBe(2)
    })
  })

  test('no request is lost while targets come and go, and none goes to one that has been drained', async () => {
    const { gateway, ask } = await aGateway(reader)
    const agent = new Agent({ keepAlive: true, maxSockets: 8 })
    onTestFinished(() => agent.destroy())
    const colours: string[] = []
    let going = true
    const client = async (body: string | undefined) => {
      while (going) {
        const answer = await ask('/serve/shop/', { agent, ...(body === undefined ? {} : { body }) })
        colours.push(answer.status === 200 ? answer.body : `failed ${answer.status} ${answer.code}`)
      }
    }
    let current = await aTarget('t0', answering('0'))
    gateway.replace([aRoute({ targets: [current.target] })])
    const clients = Array.from({ length: 8 }, (_, at) => client(at % 2 === 0 ? undefined : 'once'))
    for (let round = 1; round <= 20; round++) {
      const next = await aTarget(`t${round}`, answering(String(round)))
      gateway.replace([aRoute({ targets: [current.target, next.target] })])
      gateway.replace([aRoute({ targets: [next.target] })])
      const old = current
      await until(() => expect(gateway.outstanding(old.target.id)).toBe(0))
      old.server.closeAllConnections()
      old.server.close()
      const before = colours.length
      await until(() => expect(colours.length).toBeGreaterThan(before + 5))
      current = next
    }
    going = false
    await Promise.all(clients)
    expect(colours.filter((colour) => colour.startsWith('failed'))).toEqual([])
    expect(colours.at(-1)).toBe('20')
  }, 60_000)

  test('a shadow gets copies, and nobody its answers', async () => {
    const { gateway, ask } = await aGateway(reader)
    const copies: string[] = []
    const { target } = await aTarget('a', async (request, response) => response.end(`real ${await text(request)}`))
    const shadow = await aTarget('b', async (request, response) => {
      copies.push(await text(request))
      response.statusCode = 500
      response.end('shadow')
    })
    const shares = new Map([
      [1, 100],
      [2, 0],
    ])
    gateway.replace([aRoute({ targets: [target, { ...shadow.target, revision: 2 }], shares, shadow: 2 })])
    expect((await ask('/serve/shop/', { body: 'x' })).body).toBe('real x')
    await until(() => expect(copies).toEqual(['x']))
  })

  test('sockets are joined, and counted as long as they are open', async () => {
    const { gateway, url } = await aGateway(reader)
    const { target, server } = await aTarget('a', (_, response) => response.end())
    server.on('upgrade', (_, socket: Duplex) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      socket.pipe(socket)
    })
    gateway.replace([aRoute({ targets: [target] })])
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    const head = `GET /serve/shop/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
    socket.write(head)
    let told = ''
    socket.on('data', (chunk) => (told += String(chunk)))
    await until(() => expect(told).toContain('101 Switching'))
    socket.write('echo')
    await until(() => expect(told).toContain('echo'))
    expect(gateway.outstanding('a')).toBe(1)
    socket.destroy()
    await until(() => expect(gateway.outstanding('a')).toBe(0))
  })

  test('the access log has a line for each request, without its query, and what was refused', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nabla-access-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'access.log')
    const accessLog = new AccessLog(path, systemClock, pino({ level: 'silent' }))
    const { gateway, ask } = await aGateway(reader, { accessLog })
    const { target } = await aTarget('a', (_, response) => void response.writeHead(201).end('made'))
    gateway.replace([aRoute({ targets: [target] })])
    await ask('/serve/shop/page?token=secret', { headers: { 'x-request-id': 'mine' } })
    await ask('/serve/shop/', { headers: { authorization: '' } })
    await until(() => expect(existsSync(path) && readFileSync(path, 'utf8').split('\n')).toHaveLength(3))
    const [first, second] = readFileSync(path, 'utf8').trim().split('\n')
    const place = { name: 'shop', route: 'd1', target: 'a', revision: 1 }
    const about = { requestId: 'mine', user: 'ada', method: 'GET', path: '/serve/shop/page', status: 201 }
    expect(JSON.parse(first!)).toMatchObject({ ...place, ...about, address: expect.stringContaining('127.0.0.1') })
    expect(JSON.parse(second!)).toMatchObject({ status: 401, refused: 'deployment_login' })
  })

  test('what is measured has rates, errors and latencies of each revision', async () => {
    const ticks: Tick[] = []
    const { gateway, ask } = await aGateway(reader, { measured: (_, tick) => ticks.push(tick) })
    const { target } = await aTarget('a', (request, response) => {
      response.statusCode = request.url === '/bad' ? 500 : 200
      response.end()
    })
    gateway.replace([aRoute({ targets: [{ ...target, revision: 7 }], shares: new Map([[7, 100]]) })])
    for (const path of ['/', '/', '/bad']) await ask(`/serve/shop${path}`)
    await vi.waitFor(
      () => {
        const values = ticks.flatMap((tick) => tick.values).filter(({ labels }) => labels['revision'] === '7')
        const sum = (name: string) => values.filter((one) => one.name === name).reduce((all, one) => all + one.value, 0)
        // They may be of two ticks, which are never of quite the same length.
        expect(Math.round(sum('requestRate') / sum('errorRate'))).toBe(3)
        expect(sum('latencyP99')).toBeGreaterThan(0)
      },
      { timeout: 10_000 },
    )
  })
})
