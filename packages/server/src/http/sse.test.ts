import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { EventStream } from '../kinds/kind.ts'
import { AppError } from '../lib/app-error.ts'
import { asMember, memberKey, type StandIn, standInApp, type StandInOptions } from '../testing/stand-in-app.ts'

interface Source {
  signal: AbortSignal
  after: number | undefined
  lastId: unknown
}

type Item = { id: string; data: unknown } | { comment: string }

const block = (seq: number, text = 'hello') => ({
  id: String(seq),
  data: { seq, lines: 1, at: '2026-01-01T00:00:00.000Z', source: 'stdout', text },
})

const opened: StandIn[] = []

afterEach(async () => {
  for (const { app } of opened.splice(0)) await app.close()
})

/** An app whose log stream is what `source` makes. */
function appWith(source: (from: Source) => AsyncIterable<Item>, options: StandInOptions = {}): StandIn {
  const made = standInApp({
    ...options,
    handlers: {
      job: {
        followLogs: ({ signal, query, headers }): EventStream => ({
          events: source({ signal, after: query.after, lastId: headers['last-event-id'] }) as EventStream['events'],
        }),
      },
    },
  })
  opened.push(made)
  return made
}

const url = '/api/v1/jobs/x/logs/stream'

/** A generator that never ends by itself; `ended` says that it was told to. */
function endless(): { source: (from: Source) => AsyncIterable<Item>; ended: Promise<void> } {
  const ended = Promise.withResolvers<void>()
  async function* source({ signal }: Source): AsyncGenerator<Item> {
    try {
      yield block(1)
      await once(signal, 'abort')
    } finally {
      ended.resolve()
    }
  }
  return { source, ended: ended.promise }
}

/** A client on a socket, so that it can stop reading. */
async function openSocket({ app }: StandIn, extra = ''): Promise<Socket> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  socket.write(`GET ${url} HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${memberKey}\r\n${extra}\r\n`)
  return socket
}

async function readUntil(socket: Socket, wanted: string): Promise<string> {
  let seen = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    seen = seen.slice(-100_000) + String(chunk)
    if (seen.includes(wanted)) return seen
  }
  throw new Error(`the stream ended without ${wanted}: ${seen}`)
}

describe('what is sent', () => {
  test('each event with its id, comments, and an end', async () => {
    const { app } = appWith(async function* () {
      yield block(1, 'two\nlines')
      yield { comment: 'gap\nin the log' }
      yield { id: '2\n\ndata: evil', data: block(2).data }
    })
    const response = await app.inject({ url, headers: asMember })
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
    expect(response.headers['content-encoding']).toBeUndefined()
    const data = (seq: number, text: string) => JSON.stringify(block(seq, text).data)
    expect(response.body).toBe(
      `id: 1\ndata: ${data(1, 'two\nlines')}\n\n: gap in the log\n\nid: 2  data: evil\ndata: ${data(2, 'hello')}\n\n` +
        'event: end\ndata: {}\n\n',
    )
  })

  test('Last-Event-ID and `after` reach the handler', async () => {
    const seen: unknown[] = []
    const { app } = appWith(async function* ({ after, lastId }) {
      seen.push(after, lastId)
      yield block(8)
    })
    await app.inject({ url: `${url}?after=3`, headers: { ...asMember, 'last-event-id': '7' } })
    expect(seen).toEqual([3, '7'])
  })

  test('what goes wrong on the way is an event, with the hint', async () => {
    const { app } = appWith(async function* () {
      yield block(1)
      throw new AppError('disk_full')
    })
    const { body } = await app.inject({ url, headers: asMember })
    expect(body).toContain('event: error\ndata: {"error":{"code":"disk_full"')
    expect(body).not.toContain('event: end')
  })

  test('a bug on the way tells the client nothing but where to look', async () => {
    const { app, logged } = appWith(async function* () {
      yield block(1)
      throw new Error('hush')
    })
    const response = await app.inject({ url, headers: asMember })
    expect(response.body).toContain('"code":"internal"')
    expect(response.body).not.toContain('hush')
    expect(logged.find(({ level }) => level === 50)).toMatchObject({ requestId: response.headers['x-request-id'] })
  })

  test('an event that does not fit the contract is a bug', async () => {
    const { app } = appWith(async function* () {
      yield { id: '1', data: { nothing: true } }
    })
    expect((await app.inject({ url, headers: asMember })).body).toContain('"code":"internal"')
  })

  test('an error before the stream is a plain response', async () => {
    const { app } = standInApp()
    const response = await app.inject({ url, headers: asMember })
    expect(response.statusCode).toBe(404)
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8')
  })

  test('HEAD has the headers, and asks for no event', async () => {
    let asked = 0
    const { app } = appWith(async function* () {
      asked++
      yield block(1)
    })
    const response = await app.inject({ method: 'HEAD', url, headers: asMember })
    expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect([response.body, asked]).toEqual(['', 0])
  })
})

describe('a stream that lasts', () => {
  test('headers and events arrive at once, and a comment after every silence', async () => {
    const { source } = endless()
    const standIn = appWith(source, { bounds: { heartbeatMs: 15_000 } })
    const socket = await openSocket(standIn)
    expect(await readUntil(socket, 'id: 1\n')).toContain('200 OK')
    standIn.clock.advance(15_000)
    standIn.clock.advance(15_000)
    await readUntil(socket, '\n:\n\n')
    standIn.clock.advance(15_000)
    await readUntil(socket, ':\n\n')
  })

  test('ends when the key is revoked, and says so', async () => {
    const { source, ended } = endless()
    let revoked = false
    const standIn = appWith(source, {
      bounds: { heartbeatMs: 15_000 },
      onAuthenticate() {
        if (revoked) throw new AppError('unauthenticated')
      },
    })
    const socket = await openSocket(standIn)
    await readUntil(socket, 'id: 1\n')
    revoked = true
    standIn.clock.advance(15_000)
    expect(await readUntil(socket, '"code":"unauthenticated"')).toContain('event: error')
    await ended
  })

  test('when the client goes, the handler hears of it and the log stays quiet', async () => {
    const { source, ended } = endless()
    const standIn = appWith(source)
    const socket = await openSocket(standIn)
    await readUntil(socket, 'id: 1\n')
    socket.destroy()
    await ended
    expect(standIn.logged.filter(({ level }) => Number(level) > 30)).toEqual([])
  })

  test('a handler that does not listen to its signal is left behind', async () => {
    const returned = Promise.withResolvers<void>()
    const deaf: AsyncIterable<Item> = {
      [Symbol.asyncIterator]: () => ({
        next: vi
          .fn<() => Promise<IteratorResult<Item>>>()
          .mockResolvedValueOnce({ done: false, value: block(1) })
          .mockReturnValue(new Promise(() => undefined)),
        return: async () => {
          returned.resolve()
          return { done: true, value: undefined }
        },
      }),
    }
    const socket = await openSocket(appWith(() => deaf))
    await readUntil(socket, 'id: 1\n')
    socket.destroy()
    await returned.promise
  })

  test('a client that does not read stops the source, and starts it again by reading', async () => {
    let produced = 0
    const text = 'x'.repeat(64 * 1024)
    const { promise: stalled, resolve: onStall } = Promise.withResolvers<void>()
    const standIn = appWith(async function* () {
      for (; produced < 600; produced++) {
        yield block(produced + 1, text)
      }
    })
    const socket = await openSocket(standIn)
    socket.pause()
    let last = -1
    const look = setInterval(() => {
      if (produced > 0 && produced === last) onStall()
      last = produced
    }, 50)
    await stalled
    clearInterval(look)
    expect(produced).toBeLessThan(300)
    await readUntil(socket, 'event: end\n')
    expect(produced).toBe(600)
  })

  test('when the server stops, a stream breaks off without an end, so that the client comes back', async () => {
    const { source, ended } = endless()
    const standIn = appWith(source)
    const socket = await openSocket(standIn)
    let seen = await readUntil(socket, 'id: 1\n')
    socket.on('data', (chunk) => (seen += String(chunk)))
    const closed = once(socket, 'close')
    await standIn.app.close()
    await ended
    await closed
    expect(seen).not.toContain('event: end')
  })

  test('one key holds only so many', async () => {
    const { source } = endless()
    const standIn = appWith(source, { bounds: { streamsPerKey: 2 } })
    const first = await openSocket(standIn)
    await readUntil(first, 'id: 1\n')
    const base = `http://127.0.0.1:${(standIn.app.server.address() as AddressInfo).port}`
    const ask = (init: RequestInit = {}) => fetch(base + url, { headers: asMember, ...init })
    const second = new AbortController()
    expect((await ask({ signal: second.signal })).status).toBe(200)
    const refused = await ask()
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({
      error: { code: 'busy', message: expect.stringContaining('2 streams') as string },
    })
    second.abort()
    await vi.waitFor(
      async () => {
        const controller = new AbortController()
        const { status } = await ask({ signal: controller.signal })
        controller.abort()
        expect(status).toBe(200)
      },
      { timeout: 15_000 },
    )
  })
})
