import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { contract } from '@nabla/api'
import type { RouteShape } from '@nabla/api/route'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, asMember, expiredKey, memberKey, sessionCookie, standInApp } from '../testing/stand-in-app.ts'
import { assertContract, type RegisteredRoute } from './app.ts'

const { app } = standInApp({ bounds: { authFailures: 10_000 } })
await app.ready()
const routes = app.registeredRoutes.filter((route): route is Registered => route.shape !== undefined)
const closed = routes.filter(({ shape }) => shape.access !== 'anyone')

type Registered = RegisteredRoute & { shape: RouteShape }

async function call(route: RegisteredRoute, headers: Record<string, string>, query = '') {
  const url = route.path.replaceAll(/:(\w+)/g, 'x') + query
  const response = await app.inject({ method: route.method as 'GET', url, headers })
  const code = response.body === '' ? '' : response.json<{ error?: { code: string } }>().error?.code
  return { status: response.statusCode, code, challenge: response.headers['www-authenticate'] }
}

test('the app has the routes of the contract and no others', () => {
  const shapes: RouteShape[] = Object.values(contract).flatMap((verbs) => Object.values(verbs))
  const wanted = shapes.flatMap(({ method, path }) =>
    method === 'GET' ? [`GET ${path}`, `HEAD ${path}`] : [`${method} ${path}`],
  )
  expect(app.registeredRoutes.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(wanted.toSorted())
  expect(closed.length).toBeGreaterThan(50)
})

test.each(closed)('$method $path is refused without a key that works', async (route) => {
  const noBody = route.method === 'HEAD'
  const refused = (code: string) => ({ status: 401, code: noBody ? '' : code, challenge: 'Bearer' })
  expect(await call(route, {})).toEqual(refused('unauthenticated'))
  expect(await call(route, { authorization: 'Bearer wrong' })).toEqual(refused('unauthenticated'))
  expect(await call(route, { 'x-api-key': 'wrong' })).toEqual(refused('unauthenticated'))
  expect(await call(route, { authorization: `Bearer ${expiredKey}` })).toEqual(refused('key_expired'))
  expect(await call(route, { authorization: `Basic ${btoa(`x:${memberKey}`)}` })).toEqual(refused('unauthenticated'))
  expect(await call(route, { cookie: `key=${memberKey}; x-api-key=${memberKey}` })).toEqual(refused('unauthenticated'))
  expect(await call(route, {}, `?key=${memberKey}&x-api-key=${memberKey}`)).toEqual(refused('unauthenticated'))
})

test.each(closed)(
  '$method $path is refused with the cookie of a session that has ended, or from another page',
  async (route) => {
    const noBody = route.method === 'HEAD'
    const ended = { cookie: 'nabla_session_00000000=ended', 'sec-fetch-site': 'same-origin' }
    expect(await call(route, ended)).toMatchObject({ status: 401, code: noBody ? '' : 'session_ended' })
    for (const site of ['cross-site', 'same-site']) {
      const elsewhere = { cookie: sessionCookie, 'sec-fetch-site': site }
      expect(await call(route, elsewhere)).toMatchObject({ status: 403, code: noBody ? '' : 'not_own_page' })
    }
  },
)

test.each(closed.filter(({ shape }) => shape.access === 'member'))('$method $path lets a session in', async (route) => {
  const headers = { cookie: sessionCookie, 'sec-fetch-site': 'same-origin' }
  expect([400, 404]).toContain((await call(route, headers)).status)
})

test.each(closed.filter(({ shape }) => shape.access === 'admin'))('$method $path is for admins', async (route) => {
  const refused = await call(route, { authorization: `Bearer ${memberKey}` })
  expect(refused).toMatchObject({ status: 403, code: route.method === 'HEAD' ? '' : 'forbidden' })
  const { status } = await call(route, { authorization: `Bearer ${adminKey}` })
  expect([400, 404]).toContain(status)
})

test.each(closed.filter(({ shape }) => shape.access === 'member'))('$method $path lets a member in', async (route) => {
  expect([400, 404]).toContain((await call(route, asMember)).status)
})

test('either header carries the key, and the case of Bearer does not matter', async () => {
  const [show] = routes.filter(({ shape }) => shape === contract.job.show)
  for (const headers of [{ 'x-api-key': memberKey }, { authorization: `bearer ${memberKey}` }] as Record<
    string,
    string
  >[]) {
    expect(await call(show!, headers)).toMatchObject({ status: 404, code: 'not_found' })
  }
})

test('a route that is not in the contract answers nobody, and the app does not start with it', async () => {
  const rogue = standInApp().app
  rogue.get('/rogue', () => 'open to all')
  expect(() => assertContract(rogue.registeredRoutes)).toThrow('routes that are not in the contract: /rogue')
  await expect(rogue.ready()).rejects.toThrow('/rogue')
  expect((await rogue.inject('/rogue')).statusCode).toBe(401)
  expect((await rogue.inject({ url: '/rogue', headers: asMember })).statusCode).toBe(403)
})

test('a route of the contract that is missing is noticed', () => {
  const without = app.registeredRoutes.filter(({ path }) => path !== '/api/v1/me')
  expect(() => assertContract(without)).toThrow(
    'routes of the contract without a handler: GET /api/v1/me, HEAD /api/v1/me',
  )
})

afterAll(() => app.close())

describe('tricks with paths', () => {
  /** As it is: a client of ours, or `inject`, would tidy the path first. */
  async function send(path: string): Promise<{ status: number; code: string }> {
    const { port } = app.server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${memberKey}\r\nconnection: close\r\n\r\n`)
    const answer = await text(socket)
    const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
    return { status: Number(answer.split(' ')[1]), code: (JSON.parse(body) as { error: { code: string } }).error.code }
  }

  beforeAll(() => app.listen({ host: '127.0.0.1', port: 0 }))

  test.each([
    '/api/v1/nothing',
    '/api/v1/jobs/../keys',
    '/api/v1/jobs/x/../../keys',
    '/api/v1/./me',
    '//api/v1/jobs',
    '/API/v1/jobs',
    '/api/v1/me/',
    '/api/v1/jobs/a/b/c/d',
    '/.git/config',
    '/healthz/../api/v1/me',
    '/api/v1/jobs/x%2fartifacts/file/y',
    '/api\\v1\\me',
  ])('nothing is at %s', async (path) => {
    expect(await send(path)).toEqual({ status: 404, code: 'no_route' })
  })

  test.each(['/api/v1/jobs/..%2f..', '/api/v1/jobs/%2e%2e', '/api/v1/jobs/..', '/api/v1/jobs/..%2f..%2fetc%2fpasswd'])(
    'the end of %s is a name and no path',
    async (path) => {
      expect(await send(path)).toEqual({ status: 404, code: 'not_found' })
    },
  )

  test.each(['/api/v1/jobs/%zz', '/api/v1/jobs/%', '/api/v1/jobs/%c0%af'])('%s is not well formed', async (path) => {
    expect(await send(path)).toEqual({ status: 400, code: 'invalid' })
  })
})

test('another method than those of a path is no route', async () => {
  const response = await app.inject({ method: 'DELETE', url: '/api/v1/me', headers: asMember })
  expect(response.json()).toMatchObject({
    error: { code: 'no_route', message: 'There is nothing at DELETE /api/v1/me.' },
  })
})
