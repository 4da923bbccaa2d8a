import { describe, expect, test } from 'vitest'
import { asMember, memberKey, standInApp } from '../testing/stand-in-app.ts'
import { createHostCheck, isSameSite } from './host.ts'

const live = { server: { live: () => ({ status: 'ok' as const, version: '1' }) } }

describe('host names', () => {
  const loopback = createHostCheck({ host: '127.0.0.1', allowHosts: ['nabla.lab'] })
  const everywhere = createHostCheck({ host: '0.0.0.0', allowHosts: [] })

  test.each([
    'localhost',
    'localhost:7070',
    'LOCALHOST',
    'localhost.',
    '127.0.0.1:80',
    '127.8.9.1',
    '[::1]:7070',
    'nabla.lab',
    'NABLA.lab:1',
  ])('on loopback: %s is ours', (host) => expect(loopback(host, '127.0.0.1')).toBe(true))

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    'user@localhost',
    'localhost:7070/x',
    '',
    '[::1',
    'a b',
    undefined,
  ])('on loopback: %s is not', (host) => expect(loopback(host, '127.0.0.1')).toBe(false))

  test('on all addresses: the one that was connected to, and loopback over loopback only', () => {
    expect(everywhere('10.0.0.1:7070', '10.0.0.1')).toBe(true)
    expect(everywhere('10.0.0.1', '::ffff:10.0.0.1')).toBe(true)
    expect(everywhere('[FD00:0::1]:7070', 'fd00::1')).toBe(true)
    expect(everywhere('10.0.0.2', '10.0.0.1')).toBe(false)
    expect(everywhere('localhost', '127.0.0.1')).toBe(true)
    expect(everywhere('localhost', '10.0.0.1')).toBe(false)
    expect(everywhere('evil.example', '10.0.0.1')).toBe(false)
  })

  test('any other name is refused, on open routes and unknown ones too', async () => {
    const { app } = standInApp({ handlers: live })
    for (const url of ['/healthz', '/', '/api/v1/me', '/nothing']) {
      const response = await app.inject({ url, headers: { ...asMember, host: 'evil.example' } })
      expect(response.statusCode).toBe(421)
      expect(response.json()).toMatchObject({
        error: { code: 'wrong_host', message: 'This server does not answer to the name evil.example.' },
      })
    }
    expect((await app.inject({ url: '/healthz', headers: { host: '127.0.0.1:1' } })).statusCode).toBe(200)
  })
})

describe('origins', () => {
  test.each([
    ['http://localhost:7070', 'localhost:7070', true],
    ['https://nabla.lab', 'nabla.lab', true],
    ['http://nabla.lab:80', 'nabla.lab', true],
    ['http://localhost:3000', 'localhost:7070', false],
    ['http://evil.example', 'localhost:7070', false],
    ['null', 'localhost', false],
    ['file://', 'localhost', false],
    ['chrome-extension://localhost', 'localhost', false],
  ])('%s at %s: %s', (origin, host, same) => expect(isSameSite(origin, host)).toBe(same))

  test('a page of another site changes nothing, even with a key', async () => {
    const { app } = standInApp()
    const headers = { ...asMember, host: 'localhost:7070', origin: 'http://evil.example' }
    const refused = await app.inject({ method: 'POST', url: '/api/v1/projects', headers, payload: {} })
    expect(refused.statusCode).toBe(403)
    expect(refused.json()).toMatchObject({ error: { code: 'wrong_origin' } })
    const read = await app.inject({ url: '/api/v1/me', headers })
    expect(read.json()).toMatchObject({ error: { code: 'not_found' } })
    expect(read.headers['access-control-allow-origin']).toBeUndefined()
    const own = { ...headers, origin: 'http://localhost:7070' }
    const allowed = await app.inject({ method: 'POST', url: '/api/v1/projects', headers: own, payload: { name: 'x' } })
    expect(allowed.json()).toMatchObject({ error: { code: 'not_found' } })
  })
})

describe('wrong keys', () => {
  const wrong = (n: number) => ({ authorization: `Bearer wrong-${n}` })

  test('after too many, the address has to wait, and no key is looked up for it', async () => {
    const lookups: string[] = []
    const { app, clock } = standInApp({
      bounds: { authFailures: 3, authFailureRefillMs: 3000 },
      onAuthenticate: (key) => lookups.push(key),
    })
    const codeOf = async (headers: Record<string, string>) => {
      const response = await app.inject({ url: '/api/v1/me', headers })
      return [response.json<{ error: { code: string } }>().error.code, response.headers['retry-after']]
    }
    for (const n of [1, 2, 3]) expect(await codeOf(wrong(n))).toEqual(['unauthenticated', undefined])
    expect(await codeOf(wrong(4))).toEqual(['too_many_failures', '3'])
    expect(await codeOf(asMember)).toEqual(['too_many_failures', '3'])
    expect(lookups).toEqual(['wrong-1', 'wrong-2', 'wrong-3'])
    clock.advance(3000)
    expect((await codeOf(asMember))[0]).toBe('not_found')
    expect((await codeOf(wrong(5)))[0]).toBe('unauthenticated')
    expect((await codeOf(wrong(6)))[0]).toBe('too_many_failures')
    expect((await codeOf(asMember))[0]).toBe('not_found')
  })

  test('many at once do not slip through', async () => {
    let lookups = 0
    const { app } = standInApp({ bounds: { authFailures: 3 }, onAuthenticate: () => lookups++ })
    await Promise.all(Array.from({ length: 20 }, (_, n) => app.inject({ url: '/api/v1/me', headers: wrong(n) })))
    expect(lookups).toBe(3)
  })

  test('a database that fails is not held against the address', async () => {
    let broken = true
    const { app } = standInApp({
      bounds: { authFailures: 2 },
      onAuthenticate: () => {
        if (broken) throw new Error('the database is away')
      },
    })
    for (let n = 0; n < 5; n++) {
      expect((await app.inject({ url: '/api/v1/me', headers: wrong(n) })).statusCode).toBe(500)
    }
    broken = false
    expect((await app.inject({ url: '/api/v1/me', headers: asMember })).statusCode).toBe(404)
  })

  test('another address is not touched, but one network of IPv6 is one', async () => {
    const { app } = standInApp({ bounds: { authFailures: 1 } })
    const from = async (remoteAddress: string) =>
      (await app.inject({ url: '/api/v1/me', headers: wrong(0), remoteAddress })).statusCode
    expect(await from('10.0.0.1')).toBe(401)
    expect(await from('10.0.0.1')).toBe(429)
    expect(await from('10.0.0.2')).toBe(401)
    expect(await from('fd00:1:2:3::1')).toBe(401)
    expect(await from('fd00:1:2:3:4:5:6:7')).toBe(429)
    expect(await from('fd00:1:2:4::1')).toBe(401)
  })
})

test('every response forbids a browser to guess, to frame and to run anything', async () => {
  const { app } = standInApp({ handlers: live })
  const responses = [
    await app.inject('/healthz'),
    await app.inject('/nothing'),
    await app.inject('/api/v1/me'),
    await app.inject({ url: '/healthz', headers: { host: 'evil.example' } }),
    await app.inject('/api/v1/jobs/%zz'),
  ]
  for (const { headers } of responses) {
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cache-control': 'no-store',
      'x-request-id': expect.stringMatching(/^[0-9a-z]{16}$/) as string,
    })
  }
  expect(new Set(responses.map(({ headers }) => headers['x-request-id'])).size).toBe(responses.length)
})

test('the request id is ours, whatever the client says', async () => {
  const { app } = standInApp()
  const response = await app.inject({ url: '/api/v1/me', headers: { 'x-request-id': 'mine', 'request-id': 'mine' } })
  expect(response.headers['x-request-id']).not.toBe('mine')
  expect(response.json()).toMatchObject({ error: { requestId: response.headers['x-request-id'] } })
})

test('the log of a request has its template and its id, and neither key nor query nor body', async () => {
  const { app, logged } = standInApp({ handlers: { secret: { set: () => Promise.reject(new Error('broken')) } } })
  const response = await app.inject({
    method: 'PUT',
    url: '/api/v1/secrets/TOKEN?project=quiet-project',
    headers: asMember,
    payload: { value: 'hush-hush' },
  })
  expect(response.statusCode).toBe(500)
  const line = logged.find(({ msg }) => msg === 'answered')
  expect(line).toMatchObject({
    requestId: response.headers['x-request-id'],
    route: '/api/v1/secrets/:name',
    status: 500,
    level: 20,
  })
  const all = JSON.stringify(logged)
  for (const secret of [memberKey, 'hush-hush', 'quiet-project']) expect(all).not.toContain(secret)
})
