import { EventEmitter, once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { AppError } from '../lib/app-error.ts'
import { asMember, memberKey, type StandIn, standInApp, type StandInOptions } from '../testing/stand-in-app.ts'

/** These go over real sockets: what happens there is the point. */

async function listening(options: StandInOptions = {}): Promise<StandIn & { port: number; url: string }> {
  const made = standInApp(options)
  onTestFinished(() => made.app.close())
  const url = await made.app.listen({ host: '127.0.0.1', port: 0 })
  return { ...made, url, port: (made.app.server.address() as AddressInfo).port }
}

function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  return socket
}

const head = (line: string, ...headers: string[]) => [line, 'host: localhost', ...headers, '', ''].join('\r\n')
const withKey = `x-api-key: ${memberKey}`

async function codeIn(answer: string | Promise<string>): Promise<string> {
  const whole = await answer
  const body = whole.slice(whole.indexOf('\r\n\r\n') + 4)
  return (JSON.parse(body) as { error: { code: string } }).error.code
}

const stored = { id: 'vo0000000000000001', digest: 'x', files: 1, sizeBytes: 1, createdAt: '2026-01-01T00:00:00.000Z' }

async function sizeOf(upload: Readable): Promise<number> {
  let size = 0
  for await (const chunk of upload) size += (chunk as Buffer).length
  return size
}

describe('bodies', () => {
  test('10 GB are refused before a byte of them is sent', async () => {
    let called = false
    const { port } = await listening({
      handlers: {
        workspace: {
          upload: () => {
            called = true
            return stored
          },
        },
      },
    })
    const socket = open(port)
    socket.write(
      head(
        'POST /api/v1/workspaces HTTP/1.1',
        withKey,
        'content-length: 10000000000',
        'content-type: application/x-tar',
      ),
    )
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1.1 413 /)
    expect(answer).toMatch(/\r\nconnection: close\r\n/i)
    expect(await codeIn(answer)).toBe('body_too_large')
    expect(answer).toContain('larger than 8 GiB')
    expect(called).toBe(false)
  })

  test('a client that sends all the same can still read why it was refused', async () => {
    const { url } = await listening()
    const chunk = Buffer.alloc(1 << 20)
    async function* much() {
      for (let i = 0; i < 64; i++) yield chunk
    }
    const init = {
      method: 'POST',
      headers: { authorization: 'Bearer wrong' },
      body: much(),
      duplex: 'half',
    }
    const response = await fetch(`${url}/api/v1/workspaces`, init as unknown as RequestInit)
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ error: { code: 'unauthenticated' } })
  })

  test('one of unknown length is cut off at the limit', async () => {
    const { url } = await listening({
      bounds: { uploadBytes: 100_000 },
      handlers: { workspace: { upload: async ({ upload }) => ({ ...stored, sizeBytes: await sizeOf(upload) }) } },
    })
    const send = async (size: number) => {
      async function* body() {
        for (let left = size; left > 0; left -= 10_000) yield Buffer.alloc(Math.min(left, 10_000))
      }
      const init = { method: 'POST', headers: asMember, body: body(), duplex: 'half' }
      const response = await fetch(`${url}/api/v1/workspaces`, init as unknown as RequestInit)
      return (await response.json()) as { sizeBytes?: number; error?: { code: string } }
    }
    expect((await send(100_000)).sizeBytes).toBe(100_000)
    expect((await send(100_001)).error?.code).toBe('body_too_large')
  })

  test('what goes into storage is not bound by the limit of one upload', async () => {
    const { url } = await listening({
      bounds: { uploadBytes: 10 },
      handlers: {
        storage: { put: async ({ upload }) => ({ path: 'x', sizeBytes: (await buffer(upload)).length, sha256: 'x' }) },
      },
    })
    const init = { method: 'PUT', headers: asMember, body: 'y'.repeat(1000) }
    expect(await (await fetch(`${url}/api/v1/storage/file?path=x`, init)).json()).toMatchObject({ sizeBytes: 1000 })
  })

  test('a handler that gives up in the middle of an upload still answers', async () => {
    const { url } = await listening({
      handlers: {
        workspace: {
          async upload({ upload }) {
            await pipeline(upload, async function* (source) {
              for await (const _ of source) throw new AppError('bad_archive', { reason: 'it is no archive' })
              yield ''
            })
            return stored
          },
        },
      },
    })
    const init = { method: 'POST', headers: asMember, body: Buffer.alloc(20 << 20) }
    const response = await fetch(`${url}/api/v1/workspaces`, init)
    expect(await response.json()).toMatchObject({ error: { code: 'bad_archive' } })
  })

  test('JSON has a limit of its own, announced or not', async () => {
    const { url, port } = await listening({ bounds: { jsonBodyBytes: 1000 } })
    const body = JSON.stringify({ name: 'x'.repeat(2000) })
    const headers = { ...asMember, 'content-type': 'application/json' }
    const announced = await fetch(`${url}/api/v1/projects`, { method: 'POST', headers, body })
    expect([announced.status, await announced.json()]).toMatchObject([413, { error: { code: 'body_too_large' } }])
    const socket = open(port)
    const type = 'content-type: application/json'
    socket.write(head('POST /api/v1/projects HTTP/1.1', withKey, type, 'transfer-encoding: chunked'))
    socket.write(`${body.length.toString(16)}\r\n${body}\r\n`)
    expect(await codeIn(text(socket).then((answer) => answer))).toBe('body_too_large')
  })

  test('JSON that trickles in is given up on', async () => {
    const { port, clock } = await listening({ bounds: { jsonBodyMs: 30_000 } })
    const socket = open(port)
    const type = 'content-type: application/json'
    socket.write(head('POST /api/v1/projects HTTP/1.1', withKey, type, 'content-length: 100') + '{"name":')
    const answer = text(socket)
    const before = clock.pending
    await vi.waitFor(() => expect(clock.pending).toBeGreaterThan(before), { timeout: 15_000 })
    clock.advance(30_000)
    expect(await answer).toContain('The body did not arrive in time.')
  })

  test('a body is invited only once it has been let in', async () => {
    const { port } = await listening({
      handlers: { workspace: { upload: async ({ upload }) => ({ ...stored, sizeBytes: await sizeOf(upload) }) } },
    })
    const line = 'POST /api/v1/workspaces HTTP/1.1'
    const refused = open(port)
    refused.write(head(line, 'expect: 100-continue', 'content-length: 5'))
    expect(await text(refused)).toMatch(/^HTTP\/1.1 401 /)
    const welcome = open(port)
    welcome.write(head(line, withKey, 'expect: 100-continue', 'content-length: 5', 'connection: close'))
    expect(String((await once(welcome, 'data'))[0])).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    welcome.write('hello')
    expect(await text(welcome)).toContain('"sizeBytes":5')
  })

  test('when the client goes in the middle of an upload, the handler hears of it and nobody is alarmed', async () => {
    const failed = Promise.withResolvers<Error>()
    const started = Promise.withResolvers<AbortSignal>()
    const { port, logged } = await listening({
      handlers: {
        workspace: {
          async upload({ upload, signal }) {
            started.resolve(signal)
            await sizeOf(upload).catch((error: Error) => {
              failed.resolve(error)
              throw error
            })
            return stored
          },
        },
      },
    })
    const socket = open(port)
    socket.write(head('POST /api/v1/workspaces HTTP/1.1', withKey, 'content-length: 1000') + 'abc')
    const signal = await started.promise
    socket.destroy()
    expect(await failed.promise).toBeInstanceOf(Error)
    await vi.waitFor(() => expect(signal.aborted).toBe(true), { timeout: 15_000 })
    await vi.waitFor(() => expect(logged.some(({ msg }) => msg === 'answered')).toBe(true), { timeout: 15_000 })
    expect(logged.filter(({ level }) => Number(level) > 30)).toEqual([])
  })
})

describe('clients that are slow, loud or broken', () => {
  test('headers that do not come are not waited for', async () => {
    const { port } = await listening({ bounds: { headersMs: 50, headersCheckMs: 10 } })
    const socket = open(port)
    socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n')
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1.1 408 /)
    expect(await codeIn(answer)).toBe('invalid')
  })

  test('a connection on which nothing moves is closed', async () => {
    const { port } = await listening({ bounds: { idleMs: 50 } })
    const socket = open(port)
    socket.resume()
    await once(socket, 'close')
  })

  test('headers have a limit', async () => {
    const { port } = await listening({ bounds: { headerBytes: 2000 } })
    const socket = open(port)
    socket.write(head('GET /healthz HTTP/1.1', `x-long: ${'x'.repeat(5000)}`))
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1.1 431 /)
    expect(answer).toContain('The headers of the request are too large.')
  })

  test('what is no HTTP is told so', async () => {
    const { port } = await listening()
    const socket = open(port)
    socket.write('hello\r\n\r\n')
    expect(await text(socket)).toMatch(/^HTTP\/1.1 400 .*The request is not HTTP\./s)
  })

  test('a request that says its length twice over is no request', async () => {
    const { port } = await listening()
    const socket = open(port)
    socket.write(
      head('POST /api/v1/projects HTTP/1.1', withKey, 'content-length: 5', 'transfer-encoding: chunked') + '0\r\n\r\n',
    )
    expect(await text(socket)).toMatch(/^HTTP\/1.1 400 /)
  })

  test('connections have a limit', async () => {
    const { port } = await listening({ bounds: { connections: 2 } })
    const [first, second, third] = [open(port), open(port), open(port)]
    third.resume()
    await once(third, 'close')
    expect([first.destroyed, second.destroyed]).toEqual([false, false])
  })

  test('a GET that brings a body is answered, and its connection closed', async () => {
    const { port } = await listening({ handlers: { server: { live: () => ({ status: 'ok', version: '1' }) } } })
    const socket = open(port)
    socket.write(head('GET /healthz HTTP/1.1', 'content-length: 1000000') + 'abc')
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1.1 200 .*connection: close/is)
  })
})

describe('stopping', () => {
  test('a request under way is told, and may finish', async () => {
    const { app, url } = await listening({
      handlers: {
        server: {
          live: async ({ signal }) => {
            reached.resolve()
            await once(signal, 'abort')
            return { status: 'ok', version: 'last words' }
          },
        },
      },
    })
    const reached = Promise.withResolvers<void>()
    const answer = fetch(`${url}/healthz`)
    await reached.promise
    const closed = app.close()
    expect(await (await answer).json()).toMatchObject({ version: 'last words' })
    await closed
  })

  test('work that is given up is no bug: its client is told to come back', async () => {
    const reached = Promise.withResolvers<void>()
    const { app, url, logged } = await listening({
      handlers: {
        server: {
          live: async ({ signal }) => {
            reached.resolve()
            await once(new EventEmitter(), 'never', { signal })
            return { status: 'ok', version: '' }
          },
        },
      },
    })
    const answer = fetch(`${url}/healthz`)
    await reached.promise
    const closed = app.close()
    expect((await answer).status).toBe(503)
    expect(await (await answer).json()).toMatchObject({
      error: { code: 'busy', message: expect.stringContaining('stop') },
    })
    await closed
    expect(logged.filter(({ level, err }) => Number(level) >= 50 || err !== undefined)).toEqual([])
  })

  test('one that does not listen is cut off after the grace', async () => {
    const reached = Promise.withResolvers<void>()
    const { app, url, clock } = await listening({
      bounds: { closeGraceMs: 5000 },
      handlers: {
        server: {
          live: () => {
            reached.resolve()
            return new Promise(() => undefined)
          },
        },
      },
    })
    const answer = fetch(`${url}/healthz`)
    const failed = expect(answer).rejects.toThrow()
    await reached.promise
    const closed = app.close()
    await vi.waitFor(() => expect(clock.pending).toBe(1), { timeout: 15_000 })
    clock.advance(5000)
    await Promise.all([failed, closed])
  })
})
