import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ApiError, type Client, createClient } from './client.ts'

/** A server that answers as told; the client is real, and so is the wire. */
async function clientOf(answer: RequestListener, key = 'secret'): Promise<Client> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return createClient({ url: `http://127.0.0.1:${port}/`, key, agent: 'test/1' })
}

const json = (value: unknown, status = 200): RequestListener => {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }
}

async function seenBy(call: (client: Client) => Promise<unknown>): Promise<IncomingMessage & { content: string }> {
  const seen = Promise.withResolvers<IncomingMessage & { content: string }>()
  const client = await clientOf((request, response) => {
    void text(request).then((content) => {
      seen.resolve(Object.assign(request, { content }))
      response.end('{}')
    })
  })
  await call(client)
  return seen.promise
}

async function failureOf(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.catch((error: unknown) => error)
  expect(error).toBeInstanceOf(ApiError)
  return error as ApiError
}

describe('requests', () => {
  test('carry the key, the agent and what was passed, each in its place', async () => {
    const request = await seenBy((client) =>
      client.secret.set({ name: 'TOKEN', project: 'a b&c', body: { value: 'x' } }),
    )
    expect([request.method, request.url]).toEqual(['PUT', '/api/v1/secrets/TOKEN?project=a+b%26c'])
    expect(request.headers).toMatchObject({
      authorization: 'Bearer secret',
      'user-agent': 'test/1',
      'content-type': 'application/json',
    })
    expect(JSON.parse(request.content)).toEqual({ value: 'x' })
  })

  test('a name is one segment of the path, whatever is in it', async () => {
    const request = await seenBy((client) => client.job.show({ job: '../keys?x=1#y' }))
    expect(request.url).toBe('/api/v1/jobs/..%2Fkeys%3Fx%3D1%23y')
  })

  test('lists are repeated, and what is undefined is left out', async () => {
    const request = await seenBy((client) => client.storage.archive({ path: ['a', 'b'] }))
    expect(request.url).toBe('/api/v1/storage/archive?path=a&path=b')
    const none = await seenBy((client) => client.project.list({ limit: 5 }))
    expect(none.url).toBe('/api/v1/projects?limit=5')
  })

  test('uploads are streamed as bytes, with their length where it is known', async () => {
    const upload = (client: Client) => client.workspace.upload({ body: new Blob(['archive']), contentLength: 7 })
    const request = await seenBy(upload)
    expect(request.headers).toMatchObject({ 'content-type': 'application/octet-stream', 'content-length': '7' })
    expect(request.content).toBe('archive')
  })

  test('can be given up', async () => {
    const client = await clientOf(() => undefined)
    const controller = new AbortController()
    const call = client.user.me({}, { signal: controller.signal })
    controller.abort()
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('errors', () => {
  test('carry code, hint and request id', async () => {
    const body = { error: { code: 'not_found', message: 'There is no job x.', hint: 'Look.', requestId: 'r1' } }
    const error = await failureOf((await clientOf(json(body, 404))).job.show({ job: 'x' }))
    expect(error).toMatchObject({
      name: 'ApiError',
      status: 404,
      code: 'not_found',
      message: 'There is no job x.',
      hint: 'Look.',
      requestId: 'r1',
    })
  })

  test('of something that is not Nabla are told apart', async () => {
    const client = await clientOf((_request, response) => response.writeHead(502, 'Bad Gateway').end('<h1>nginx</h1>'))
    const error = await failureOf(client.user.me())
    expect([error.status, error.message]).toEqual([502, 'The server answered 502 Bad Gateway.'])
    expect(error.hint).toContain('Nabla server')
  })

  test('a page in place of a value is one', async () => {
    const client = await clientOf((_request, response) => response.end('<h1>Sign in</h1>'))
    const error = await failureOf(client.user.me())
    expect([error.status, error.message]).toEqual([200, 'The server answered something that is no JSON.'])
  })

  test('a redirect is not followed: the key would go along', async () => {
    const client = await clientOf((_request, response) =>
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    )
    expect((await failureOf(client.user.me())).code).toBe('unreachable')
  })

  test('a server that is not there has status 0 and a hint', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const error = await failureOf(createClient({ url: `http://127.0.0.1:${port}` }).user.me())
    expect(error).toMatchObject({ status: 0, code: 'unreachable' })
    expect(error.hint).toContain('nabla up')
  })
})

describe('streams', () => {
  const event = (id: number) =>
    `id: ${id}\ndata: ${JSON.stringify({ seq: id, lines: 1, at: 'x', source: 'stdout', text: '∇' })}\n\n`

  async function follow(write: RequestListener): Promise<{ ids: string[]; texts: string[]; error: unknown }> {
    const client = await clientOf(write)
    const [ids, texts]: [string[], string[]] = [[], []]
    try {
      for await (const { id, data } of client.job.followLogs({ job: 'x' })) {
        ids.push(id)
        texts.push(data.text)
      }
      return { ids, texts, error: null }
    } catch (error) {
      return { ids, texts, error }
    }
  }

  test('give each event with its id, and end when the server says so', async () => {
    const { ids, texts, error } = await follow((request, response) => {
      expect(request.headers.accept).toBe('text/event-stream')
      response.end(`${event(1)}: comment\n\n:\n\n${event(2)}event: end\ndata: {}\n\n`)
    })
    expect([ids, texts, error]).toEqual([['1', '2'], ['∇', '∇'], null])
  })

  test('put together what arrives in pieces, between the bytes of a character too', async () => {
    const whole = Buffer.from(`${event(1)}event: end\ndata: {}\n\n`)
    const cut = whole.indexOf('∇') + 1
    const { texts, error } = await follow((_request, response) => {
      response.write(whole.subarray(0, cut), () => response.end(whole.subarray(cut)))
    })
    expect([texts, error]).toEqual([['∇'], null])
  })

  test('throw what the server says went wrong', async () => {
    const body = { error: { code: 'disk_full', message: 'Full.', hint: 'Free some.' } }
    const { ids, error } = await follow((_request, response) => {
      response.end(`${event(1)}event: error\ndata: ${JSON.stringify(body)}\n\n`)
    })
    expect(ids).toEqual(['1'])
    expect(error).toMatchObject({ name: 'ApiError', code: 'disk_full', hint: 'Free some.' })
  })

  test.each([
    ['ends without saying so', (response: { end(text: string): void }) => response.end(event(1))],
    [
      'is cut',
      (response: { write(text: string, then: () => void): void; destroy(): void }) =>
        response.write(event(1), () => response.destroy()),
    ],
  ])('one that %s has broken off, and can be resumed', async (_, finish) => {
    const { ids, error } = await follow((_request, response) => {
      response.flushHeaders()
      finish(response)
    })
    expect(ids.length).toBeLessThanOrEqual(1)
    expect(error).toMatchObject({ name: 'ApiError', status: 0, code: 'unreachable' })
  })

  test('stop asking when the reader stops', async () => {
    const gone = Promise.withResolvers<void>()
    const client = await clientOf((_request, response) => {
      response.on('close', gone.resolve)
      response.write(event(1))
    })
    for await (const { id } of client.job.followLogs({ job: 'x' })) {
      expect(id).toBe('1')
      break
    }
    await gone.promise
  })

  test('bytes come as a Response', async () => {
    const client = await clientOf((_request, response) =>
      response.writeHead(206, { 'content-range': 'bytes 0-1/9' }).end('ab'),
    )
    const response = await client.storage.get({ path: 'x' }, { headers: { range: 'bytes=0-1' } })
    expect([response.status, response.headers.get('content-range'), await response.text()]).toEqual([
      206,
      'bytes 0-1/9',
      'ab',
    ])
  })
})
