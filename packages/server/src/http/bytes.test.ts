import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createReadStream } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import type { ByteStream } from '../kinds/kind.ts'
import { AppError } from '../lib/app-error.ts'
import { asMember, memberKey, type StandIn, standInApp } from '../testing/stand-in-app.ts'

const url = '/api/v1/storage/file?path=x'

function appSending(make: () => ByteStream): StandIn {
  const made = standInApp({ handlers: { storage: { get: make } } })
  onTestFinished(() => made.app.close())
  return made
}

const bytes = (given: Partial<ByteStream>): ByteStream => ({
  body: Readable.from(['hello']),
  contentType: 'application/octet-stream',
  ...given,
})

test.each([
  ['text/html', 'application/octet-stream'],
  ['image/svg+xml', 'application/octet-stream'],
  ['text/plain', 'text/plain; charset=utf-8'],
  ['text/plain; charset=latin1', 'text/plain; charset=utf-8'],
  ['application/x-tar', 'application/octet-stream'],
])('what a user made as %s is sent as %s, to be saved', async (contentType, sent) => {
  const { app } = appSending(() => bytes({ contentType, fileName: 'page.html' }))
  const { headers, body } = await app.inject({ url, headers: asMember })
  expect(headers).toMatchObject({
    'content-type': sent,
    'content-disposition': `attachment; filename="page.html"; filename*=UTF-8''page.html`,
    'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
  })
  expect(body).toBe('hello')
})

test.each([
  ['a "b".txt', `attachment; filename="a _b_.txt"; filename*=UTF-8''a%20%22b%22.txt`],
  ['naïve ∇.pt', `attachment; filename="na_ve _.pt"; filename*=UTF-8''na%C3%AFve%20%E2%88%87.pt`],
  ['x\r\nset-cookie: a=b', `attachment; filename="x__set-cookie: a=b"; filename*=UTF-8''x__set-cookie%3A%20a%3Db`],
  ["it's (1)", `attachment; filename="it's (1)"; filename*=UTF-8''it%27s%20%281%29`],
  ['\ud800', `attachment; filename="_"; filename*=UTF-8''%EF%BF%BD`],
  [undefined, 'attachment'],
])('the name %j is carried whole', async (fileName, expected) => {
  const { app } = appSending(() => bytes(fileName === undefined ? {} : { fileName }))
  expect((await app.inject({ url, headers: asMember })).headers['content-disposition']).toBe(expected)
})

test('a part has the status and the headers of the handler', async () => {
  const headers = { 'content-range': 'bytes 1-2/5', 'content-length': '2', 'accept-ranges': 'bytes' }
  const { app } = appSending(() => bytes({ body: Readable.from(['el']), status: 206, sizeBytes: 5, headers }))
  const response = await app.inject({ url, headers: asMember })
  expect(response.statusCode).toBe(206)
  expect(response.headers).toMatchObject(headers)
  expect(response.body).toBe('el')
})

test('HEAD has the size, reads nothing and lets go of the file', async () => {
  const body = new Readable({ read: () => expect.unreachable('nothing should be read') })
  const { app } = appSending(() => bytes({ body, sizeBytes: 5 }))
  const response = await app.inject({ method: 'HEAD', url, headers: asMember })
  expect(response.headers['content-length']).toBe('5')
  expect(response.body).toBe('')
  expect(body.destroyed).toBe(true)
})

test('an empty file is one', async () => {
  const { app } = appSending(() => bytes({ body: Readable.from([]), sizeBytes: 0 }))
  const response = await app.inject({ url, headers: asMember })
  expect([response.statusCode, response.body, response.headers['content-length']]).toEqual([200, '', '0'])
})

test('a file that cannot be opened gets a proper error', async () => {
  const { app, logged } = appSending(() => bytes({ body: createReadStream('/nowhere/at/all') }))
  expect((await app.inject({ url, headers: asMember })).statusCode).toBe(500)
  expect(logged.some(({ level }) => level === 50)).toBe(true)
})

test('so does an archive whose first entry is not there', async () => {
  const body = new Readable({
    read() {
      this.destroy(new AppError('file_not_found', { path: 'x' }))
    },
  })
  const { app } = appSending(() => bytes({ body }))
  expect((await app.inject({ url, headers: asMember })).json()).toMatchObject({ error: { code: 'file_not_found' } })
})

async function fetchFrom({ app }: StandIn): Promise<Response> {
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  return fetch(address + url, { headers: asMember })
}

test('a file of some size arrives whole over the network', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-bytes-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const content = Buffer.alloc(5_000_000, 'nabla ')
  writeFileSync(join(folder, 'x'), content)
  const made = appSending(() => bytes({ body: createReadStream(join(folder, 'x')), sizeBytes: content.length }))
  expect(Buffer.from(await (await fetchFrom(made)).arrayBuffer()).equals(content)).toBe(true)
})

test.each([
  ['shorter', ['hell']],
  ['longer', ['hello', ' there']],
])('a file that turns out %s than it said ends the connection, and nothing follows it', async (_, chunks) => {
  const { app } = appSending(() => bytes({ body: Readable.from(chunks), sizeBytes: 5 }))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(`GET ${url} HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${memberKey}\r\n\r\n`)
  const answer = await text(socket)
  expect('hello'.startsWith(answer.split('\r\n\r\n')[1] ?? '')).toBe(true)
})

test('one that breaks on the way breaks the response', async () => {
  async function* broken() {
    yield 'hello'
    throw new Error('bad sector')
  }
  const made = appSending(() => bytes({ body: Readable.from(broken()) }))
  await expect(fetchFrom(made).then((response) => response.text())).rejects.toThrow()
  expect(made.logged.some(({ msg }) => msg === 'a file could not be read to its end')).toBe(true)
})

test('when the client goes in the middle, the file is closed and nobody is alarmed', async () => {
  const body = new Readable({
    read() {
      this.push(Buffer.alloc(65_536))
    },
  })
  const made = appSending(() => bytes({ body }))
  await made.app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((made.app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(`GET ${url} HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${memberKey}\r\n\r\n`)
  await once(socket, 'data')
  const closed = new Promise((resolve) => body.once('close', resolve))
  socket.destroy()
  await closed
  expect(made.logged.filter(({ level }) => Number(level) > 30)).toEqual([])
})

test('pages of the server itself are shown, with the policy they bring', async () => {
  const headers = { 'content-security-policy': "default-src 'none'; style-src 'sha256-x'" }
  const reference = () => ({ body: '<p>', contentType: 'text/html; charset=utf-8', headers })
  const { app } = standInApp({ handlers: { server: { reference } } })
  const response = await app.inject('/docs?utm_source=elsewhere')
  expect(response.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', ...headers })
  expect(response.headers['content-disposition']).toBeUndefined()
  expect(await text(Readable.from([response.body]))).toBe('<p>')
})
