import { expect, test } from 'vitest'
import { asMember, secureCookie, sessionCookie, standInApp } from '../testing/stand-in-app.ts'

const { app } = standInApp({ config: { allowHosts: ['nabla.lab'] } })
const host = 'localhost:7070'
const own = 'http://localhost:7070'

async function code(
  method: 'GET' | 'HEAD' | 'POST' | 'DELETE',
  headers: Record<string, string>,
  url = '/api/v1/jobs/x',
) {
  const response = await app.inject({ method, url, headers: { host, cookie: sessionCookie, ...headers } })
  if (method === 'HEAD') return response.statusCode
  return response.json<{ error: { code: string } }>().error.code
}

test.each<[Record<string, string>, string, string]>([
  [{ 'sec-fetch-site': 'same-origin', origin: own }, 'not_found', 'not_found'],
  [{ 'sec-fetch-site': 'same-origin' }, 'not_found', 'not_found'],
  // A browser that has no Sec-Fetch-Site, as over http to another machine.
  [{ origin: own }, 'not_found', 'not_found'],
  [{}, 'not_found', 'not_own_page'],
  // An address that was typed.
  [{ 'sec-fetch-site': 'none' }, 'not_found', 'not_own_page'],
  [{ 'sec-fetch-site': 'same-site' }, 'not_own_page', 'not_own_page'],
  [{ 'sec-fetch-site': 'cross-site' }, 'not_own_page', 'not_own_page'],
  [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 'not_own_page', 'not_own_page'],
  [{ 'sec-fetch-site': 'same-site', origin: own }, 'not_own_page', 'not_own_page'],
  // Another port of this machine: browsers send the cookie along.
  [{ origin: 'http://localhost:8888' }, 'not_own_page', 'wrong_origin'],
  [{ origin: 'http://content.localhost:7070' }, 'not_own_page', 'wrong_origin'],
  [{ origin: 'null', 'sec-fetch-site': 'same-origin' }, 'not_own_page', 'wrong_origin'],
  [{ origin: 'http://evil.example' }, 'not_own_page', 'wrong_origin'],
])('with the cookie, %j may read: %s, and change something: %s', async (headers, read, change) => {
  expect(await code('GET', headers)).toBe(read)
  expect(await code('DELETE', headers)).toBe(change)
  expect(await code('POST', headers, '/api/v1/jobs/x/stop')).toBe(change)
  expect(await code('HEAD', headers)).toBe(read === 'not_found' ? 404 : 403)
})

test('a key needs none of this', async () => {
  expect(await code('DELETE', { ...asMember, 'sec-fetch-site': 'cross-site' })).toBe('not_found')
  expect(await code('DELETE', asMember)).toBe('not_found')
})

test('nobody is signed in by a page of another site', async () => {
  const sign = (headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: '/api/v1/sessions', headers: { host, ...headers }, payload: { key: 'x' } })
  expect((await sign({ 'sec-fetch-site': 'cross-site' })).json()).toMatchObject({ error: { code: 'not_own_page' } })
  expect((await sign({ 'sec-fetch-site': 'same-site' })).json()).toMatchObject({ error: { code: 'not_own_page' } })
  expect((await sign({})).json()).toMatchObject({ error: { code: 'not_found' } })
})

test('a cookie that is not that of a session is no session, and one that has ended is forgotten', async () => {
  const get = async (cookie: string, more: Record<string, string> = {}) => {
    const response = await app.inject({ url: '/api/v1/jobs/x', headers: { host, cookie, ...more } })
    return [response.json<{ error: { code: string } }>().error.code, response.headers['set-cookie']]
  }
  expect(await get('nabla_session_11111111=token-of-a-session')).toEqual(['unauthenticated', undefined])
  expect(await get('nabla_session_00000000')).toEqual(['unauthenticated', undefined])
  expect(await get(`a=b; ${sessionCookie}; c=d`)).toEqual(['not_found', undefined])
  expect(await get('nabla_session_00000000=old')).toEqual([
    'session_ended',
    'nabla_session_00000000=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0',
  ])
})

test('behind https only the cookie that came by https counts', async () => {
  const get = async (cookie: string, headers: Record<string, string>) => {
    const response = await app.inject({ url: '/api/v1/jobs/x', headers: { host: 'nabla.lab', cookie, ...headers } })
    return response.json<{ error: { code: string } }>().error.code
  }
  const byProxy = { 'x-forwarded-proto': 'https' }
  const byBrowser = { origin: 'https://nabla.lab' }
  for (const headers of [byProxy, byBrowser]) {
    expect(await get(secureCookie, headers)).toBe('not_found')
    expect(await get(sessionCookie, headers)).toBe('unauthenticated')
  }
  expect(await get(secureCookie, {})).toBe('not_found')
})
