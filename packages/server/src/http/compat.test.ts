import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { compatRoute, type CompatSite } from '../compat/site.ts'
import { mlflowError } from '../compat/mlflow/errors.ts'
import { asMember, expiredKey, memberKey, sessionCookie, standInApp } from '../testing/stand-in-app.ts'

const echo = z.object({ text: z.string().max(100), count: z.coerce.number().default(1) })
const site: CompatSite = {
  name: 'other',
  prefixes: ['/other/'],
  routes: [
    compatRoute('GET', '/other/get', echo, async ({ input }) => input),
    { ...compatRoute('POST', '/other/post', echo, async ({ input }) => input), maxBodyBytes: 500 },
    compatRoute('POST', '/other/by/:key/post', echo, async ({ caller }) => ({ user: caller.userName })),
  ],
  keyIn: (params) => params['key'],
  errorBody: mlflowError,
}
const { app } = standInApp({ compat: [site], bounds: { authFailures: 10_000 } })
await app.ready()
afterAll(() => app.close())

async function call(method: 'GET' | 'POST', url: string, headers: Record<string, string>, payload?: object) {
  const response = await app.inject({ method, url, headers, ...(payload ? { payload } : {}) })
  return { status: response.statusCode, body: response.json<Record<string, unknown>>() }
}

describe('the routes of another protocol', () => {
  const refused = { status: 401, body: { error_code: 'UNAUTHENTICATED' } }

  test.each(['GET /other/get?text=a', 'POST /other/post'])('%s is refused without a key that works', async (route) => {
    const [method, url] = route.split(' ') as ['GET', string]
    expect(await call(method, url, {})).toMatchObject(refused)
    expect(await call(method, url, { authorization: 'Bearer wrong' })).toMatchObject(refused)
    expect(await call(method, url, { authorization: `Basic ${btoa('x:wrong')}` })).toMatchObject(refused)
    expect(await call(method, url, { authorization: `Bearer ${expiredKey}` })).toMatchObject(refused)
    const cookie = { cookie: sessionCookie, 'sec-fetch-site': 'same-origin' }
    expect(await call(method, url, cookie)).toMatchObject(refused)
  })

  test('take a key as a token, as the password of any name, and where the protocol has it', async () => {
    const body = { text: 'a' }
    const answer = { status: 200, body: { text: 'a', count: 1 } }
    expect(await call('GET', '/other/get?text=a', asMember)).toEqual(answer)
    expect(await call('POST', '/other/post', asMember, body)).toEqual(answer)
    const basic = { authorization: `Basic ${btoa(`anyone:${memberKey}`)}` }
    expect(await call('POST', '/other/post', basic, body)).toEqual(answer)
    expect((await call('POST', `/other/by/${memberKey}/post`, {}, body)).body).toEqual({ user: 'ada' })
    expect(await call('POST', '/other/by/wrong/post', {}, body)).toMatchObject(refused)
  })

  test('refuse what they cannot take, in words of that protocol', async () => {
    const wrong = { status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE' } }
    expect(await call('POST', '/other/post', asMember, {})).toMatchObject(wrong)
    expect(await call('POST', '/other/post', asMember, { text: 'a\0' })).toMatchObject(wrong)
    const large = await call('POST', '/other/post', asMember, { text: 'a', more: 'b'.repeat(500) })
    expect(large).toMatchObject({ status: 413, body: { error_code: 'INVALID_PARAMETER_VALUE' } })
    const nowhere = await call('GET', '/other/nothing', asMember)
    expect(nowhere).toMatchObject({ status: 404, body: { error_code: 'ENDPOINT_NOT_FOUND' } })
  })

  test('are all that there is beside the contract', async () => {
    const rogue = standInApp({ compat: [site] }).app
    rogue.get('/other/more', { config: { compat: { site, route: { ...site.routes[0]! } } } }, () => 'open')
    await expect(rogue.ready()).rejects.toThrow('/other/more')
  })
})
