import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createRawServer, type Socket } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { ApiError, createClient, type WireRequest } from '@nabla/api/client'
import { expect, onTestFinished, test } from 'vitest'
import { exchange, exchangeWithin } from './exchange.ts'

/** A server that answers as told. */
async function serve(answer: RequestListener): Promise<URL> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
}

/** One that does with the bare connection what HTTP forbids. */
async function serveRaw(take: (socket: Socket) => void): Promise<URL> {
  const server = createRawServer((socket) => take(socket.on('error', () => {}))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
}

const echo: RequestListener = (request, response) => {
  void buffer(request).then((bytes) => response.end(JSON.stringify([request.method, request.headers, bytes.length])))
}
const post = (url: URL, body?: WireRequest['body']): WireRequest => ({
  url,
  method: 'POST',
  headers: { 'x-own': 'a' },
  ...(body !== undefined && { body }),
})
const large = Buffer.alloc(9_000_000, 'x')

test.each([
  ['nothing', undefined, 0],
  ['a text, with umlauts', 'ä', 2],
  ['bytes', new Uint8Array(large), large.length],
  ['a blob', new Blob([large]), large.length],
  ['a stream', new Blob([large]).stream(), large.length],
])('sends %s', async (_, body, length) => {
  const { status, text } = await exchange(post(await serve(echo), body))
  const [method, headers, arrived] = JSON.parse(text)
  expect({ status, method, arrived }).toEqual({ status: 200, method: 'POST', arrived: length })
  expect(headers).toMatchObject({ 'x-own': 'a', connection: 'keep-alive' })
})

test('gives every answer as it is, and follows no redirection', async () => {
  const answers = await serve((_, response) => response.writeHead(302, { location: '/elsewhere' }).end('gone'))
  expect(await exchange(post(answers))).toEqual({ status: 302, statusText: 'Found', text: 'gone' })
})

test('hears a server that says no before it has read all', async () => {
  const refusing = await serve((_, response) => {
    response.writeHead(413, { connection: 'close' }).end('too much')
  })
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
  })
  expect(await exchange(post(refusing, endless))).toMatchObject({ status: 413, text: 'too much' })
})

test.each<[string, (socket: Socket) => void, RegExp]>([
  ['ends at once', (socket) => socket.destroy(), /hang up|ECONNRESET/],
  ['speaks no HTTP', (socket) => socket.end('SSH-2.0-x\r\n'), /HTTP/],
  [
    'breaks off in its answer',
    (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal')),
    /aborted/,
  ],
])('fails with a server that %s', async (_, take, message) => {
  const url = await serveRaw(take)
  await expect(exchange(post(url))).rejects.toThrow(message)
  const { href } = url
  const failed = await createClient({ url: href, exchange })
    .user.me()
    .catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(ApiError)
  expect(failed).toMatchObject({ status: 0, code: 'unreachable' })
})

test('does not wait for ever, nor longer than it is wanted', async () => {
  const silent = await serve((request) => void text(request))
  await expect(exchangeWithin(post(silent), 50)).rejects.toThrow('nothing came for 0.05 s')
  const given = new AbortController()
  const asked = exchange({ ...post(silent), signal: given.signal })
  given.abort()
  await expect(asked).rejects.toMatchObject({ name: 'AbortError' })
})
