import { describe, expect, test } from 'vitest'
import { limits } from '../lib/limits.ts'
import { eachDatabase } from '../testing/database.ts'
import { aCaller, aMember, aTeam } from '../testing/fixtures.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

const hourMs = 3_600_000
const password = 'correct horse battery'

/** A browser: it keeps its cookie, and its pages are those of the server. */
interface Browser {
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  cookie: string
}

interface Answer {
  status: number
  body: { error?: { code: string }; [name: string]: unknown }
  setCookie: string | null
  retryAfter: string | null
}

function aBrowser(server: TestServer): Browser {
  const browser: Browser = {
    cookie: '',
    async call(method, path, body, headers = {}) {
      const response = await fetch(server.running().url + path, {
        method,
        headers: {
          'sec-fetch-site': 'same-origin',
          ...(browser.cookie === '' ? {} : { cookie: browser.cookie }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const setCookie = response.headers.get('set-cookie')
      if (setCookie !== null) browser.cookie = setCookie.includes('Max-Age=0') ? '' : setCookie.split(';', 1)[0]!
      const retryAfter = response.headers.get('retry-after')
      return { status: response.status, body: (await response.json()) as Answer['body'], setCookie, retryAfter }
    },
  }
  return browser
}

const signIn = (browser: Browser, credentials: object) => browser.call('POST', '/api/v1/sessions', credentials)
const me = (browser: Browser) => browser.call('GET', '/api/v1/me')
const codeOf = ({ status, body }: Answer) => [status, body.error?.code]

eachDatabase((make) => {
  describe('signing in', () => {
    test('with a key, until one signs out', async () => {
      const server = await startTestServer(make)
      const browser = aBrowser(server)
      const signedIn = await signIn(browser, { key: server.key })
      expect(signedIn).toMatchObject({ status: 200, body: { user: { name: 'admin' }, key: { name: 'first' } } })
      expect(signedIn.setCookie).toMatch(
        /^nabla_session_[0-9a-f]{8}=[0-9a-z]{32}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=2592000$/,
      )
      expect((await me(browser)).body).toEqual(signedIn.body)
      expect((await browser.call('POST', '/api/v1/projects', { name: 'digits' })).status).toBe(200)
      const { cookie } = browser
      const out = await browser.call('DELETE', '/api/v1/sessions/current')
      expect(out.body).toEqual({ ended: true })
      expect(browser.cookie).toBe('')
      browser.cookie = cookie
      const after = await me(browser)
      expect(codeOf(after)).toEqual([401, 'session_ended'])
      expect(after.setCookie).toContain('Max-Age=0')
    })

    test('a name is changed: keys stay, the password goes with it, and no two are called the same', async () => {
      const server = await startTestServer(make)
      await server.client.user.setPassword({ body: { password } })
      const { user } = await server.client.user.rename({ body: { name: 'Ada' } })
      expect(user.name).toBe('Ada')
      expect((await server.client.user.me()).user).toMatchObject({ id: user.id, name: 'Ada' })
      expect((await signIn(aBrowser(server), { name: 'Ada', password })).status).toBe(200)
      const { userId } = await aCaller(server.running().deps.db)
      const { name } = await server
        .running()
        .deps.db.selectFrom('users')
        .select('name')
        .where('id', '=', userId)
        .executeTakeFirstOrThrow()
      await expect(server.client.user.rename({ body: { name } })).rejects.toMatchObject({ code: 'name_taken' })
    })

    test('with a password, to a team of choice; the cookie is for https only if the page is', async () => {
      const server = await startTestServer(make)
      const { db } = server.running().deps
      await server.client.user.setPassword({ body: { password } })
      const other = await aTeam(db)
      const { user } = await server.client.user.me()
      await aMember(db, { teamId: other.id, userId: user.id, addedAt: '2027-01-01T00:00:00.000Z' })
      const browser = aBrowser(server)
      expect(await signIn(browser, { name: 'admin', password })).toMatchObject({
        body: { team: { name: 'main' }, role: 'admin', key: null, hasPassword: true },
      })
      expect(await signIn(browser, { name: 'admin', password, team: other.name })).toMatchObject({
        body: { team: { id: other.id }, role: 'member' },
      })
      expect(codeOf(await signIn(aBrowser(server), { name: 'admin', password, team: 'nobody' }))).toEqual([
        404,
        'not_found',
      ])
      const secure = aBrowser(server)
      const { setCookie } = await secure.call(
        'POST',
        '/api/v1/sessions',
        { name: 'admin', password },
        {
          'x-forwarded-proto': 'https',
        },
      )
      expect(setCookie).toMatch(/^__Host-nabla_session_[0-9a-f]{8}=\w+; .*; Secure$/)
      expect((await secure.call('GET', '/api/v1/me', undefined, { 'x-forwarded-proto': 'https' })).status).toBe(200)
    })

    test('with a code, once and in time', async () => {
      const server = await startTestServer(make)
      const { code } = await server.client.session.createCode()
      expect(await signIn(aBrowser(server), { code })).toMatchObject({ status: 200, body: { key: { name: 'first' } } })
      expect(codeOf(await signIn(aBrowser(server), { code }))).toEqual([403, 'wrong_code'])
      const { code: late } = await server.client.session.createCode()
      server.clock.advance(limits.signInCodeMs)
      expect(codeOf(await signIn(aBrowser(server), { code: late }))).toEqual([403, 'wrong_code'])
      const both = await server.client.session.createCode()
      const tries = await Promise.all([1, 2].map(() => signIn(aBrowser(server), { code: both.code })))
      expect(tries.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403])
      const { signInCode } = server.running()
      expect(signInCode).toMatch(/^[0-9a-z]{32}$/)
    })

    test('a session makes no codes, by which it could outlive itself', async () => {
      const server = await startTestServer(make)
      const browser = aBrowser(server)
      await signIn(browser, { key: server.key })
      expect(codeOf(await browser.call('POST', '/api/v1/sessions/codes', {}))).toEqual([403, 'forbidden'])
    })

    test('signing in again ends the session before', async () => {
      const server = await startTestServer(make)
      const browser = aBrowser(server)
      await signIn(browser, { key: server.key })
      const { cookie } = browser
      await signIn(browser, { key: server.key })
      expect(browser.cookie).not.toBe(cookie)
      browser.cookie = cookie
      expect(codeOf(await me(browser))).toEqual([401, 'session_ended'])
    })

    test.each([{}, { key: 'x', name: 'y' }, { name: 'x' }, { key: 7 }, { key: '' }])('not with %j', async (body) => {
      const server = await startTestServer(make)
      expect(codeOf(await signIn(aBrowser(server), body))).toEqual([400, 'invalid'])
    })
  })

  describe('guessing', () => {
    test('a name that is not there, one without a password and a wrong password are told the same', async () => {
      const server = await startTestServer(make)
      const { userName } = await aCaller(server.running().deps.db)
      await server.client.user.setPassword({ body: { password } })
      const answers = []
      for (const name of ['admin', 'nobody', userName]) {
        const { status, body, setCookie } = await signIn(aBrowser(server), { name, password: 'wrong horse' })
        answers.push({ status, error: { ...body.error, requestId: '' }, setCookie })
      }
      expect(answers[0]).toMatchObject({ status: 403, error: { code: 'wrong_password' }, setCookie: null })
      expect(answers[1]).toEqual(answers[0])
      expect(answers[2]).toEqual(answers[0])
    })

    test('is slowed down by address, and what works does not count', async () => {
      const server = await startTestServer(make)
      for (let n = 0; n < limits.signInsByAddress + 5; n++) await signIn(aBrowser(server), { key: server.key })
      for (let n = 0; n < limits.signInsByAddress; n++) {
        expect(codeOf(await signIn(aBrowser(server), { key: `nabla_${n}` }))).toEqual([401, 'unauthenticated'])
      }
      const refused = await signIn(aBrowser(server), { key: server.key })
      expect(codeOf(refused)).toEqual([429, 'too_many_attempts'])
      expect(refused.retryAfter).toBe('10')
      server.clock.advance(limits.signInsByAddressRefillMs)
      expect((await signIn(aBrowser(server), { key: server.key })).status).toBe(200)
    })

    test('is slowed down by name, wherever it comes from', async () => {
      const server = await startTestServer(make)
      await server.client.user.setPassword({ body: { password } })
      for (let n = 0; n < limits.signInsByName; n++) {
        expect(codeOf(await signIn(aBrowser(server), { name: 'admin', password: `wrong ${n}` }))[1]).toBe(
          'wrong_password',
        )
        server.clock.advance(limits.signInsByAddressRefillMs)
      }
      // By then the time that went by has given some back.
      const given = Math.floor((limits.signInsByName * limits.signInsByAddressRefillMs) / limits.signInsByNameRefillMs)
      for (let n = 0; n < given; n++) await signIn(aBrowser(server), { name: 'admin', password: 'wrong' })
      expect(codeOf(await signIn(aBrowser(server), { name: 'admin', password }))).toEqual([429, 'too_many_attempts'])
      expect((await signIn(aBrowser(server), { key: server.key })).status).toBe(200)
    })
  })

  describe('a session ends', () => {
    test('with its key', async () => {
      const server = await startTestServer(make)
      const key = await server.client.key.create({ body: { name: 'browser' } })
      const browser = aBrowser(server)
      await signIn(browser, { key: key.secret })
      const { code } = await server.clientFor(key.secret).session.createCode()
      await server.client.key.revoke({ key: key.id })
      expect(codeOf(await me(browser))).toEqual([401, 'session_ended'])
      expect(codeOf(await signIn(aBrowser(server), { code }))).toEqual([403, 'wrong_code'])
    })

    test('when its key expires', async () => {
      const server = await startTestServer(make)
      const key = await server.client.key.create({ body: { name: 'browser', expiresInDays: 1 } })
      const browser = aBrowser(server)
      await signIn(browser, { key: key.secret })
      server.clock.advance(23 * hourMs)
      expect((await me(browser)).status).toBe(200)
      server.clock.advance(hourMs)
      expect(codeOf(await me(browser))).toEqual([401, 'session_ended'])
    })

    test('when its user is taken out of the team, whatever it was made with', async () => {
      const server = await startTestServer(make)
      const { key } = await server.client.team.addMember({ team: 'main', user: 'ada', body: {} })
      await server.clientFor(key!).user.setPassword({ body: { password } })
      const [byKey, byPassword] = [aBrowser(server), aBrowser(server)]
      await signIn(byKey, { key })
      await signIn(byPassword, { name: 'ada', password })
      expect((await me(byPassword)).status).toBe(200)
      await server.client.team.removeMember({ team: 'main', user: 'ada' })
      for (const browser of [byKey, byPassword]) expect(codeOf(await me(browser))).toEqual([401, 'session_ended'])
      expect(codeOf(await signIn(aBrowser(server), { name: 'ada', password }))).toEqual([403, 'no_team'])
      await server.client.team.addMember({ team: 'main', user: 'ada', body: {} })
      expect((await signIn(aBrowser(server), { name: 'ada', password })).status).toBe(200)
    })

    test('when it is not used for a week; used, after a month', async () => {
      const server = await startTestServer(make)
      const [idle, used] = [aBrowser(server), aBrowser(server)]
      await signIn(idle, { key: server.key })
      await signIn(used, { key: server.key })
      const days = limits.sessionMs / (24 * hourMs)
      for (let day = 0; day < days - 1; day += 1) {
        server.clock.advance(24 * hourMs)
        expect((await me(used)).status).toBe(200)
      }
      expect(codeOf(await me(idle))).toEqual([401, 'session_ended'])
      server.clock.advance(24 * hourMs)
      expect(codeOf(await me(used))).toEqual([401, 'session_ended'])
    })

    test('when one ends it from elsewhere; those of others cannot be ended', async () => {
      const server = await startTestServer(make)
      const [here, there] = [aBrowser(server), aBrowser(server)]
      await here.call('POST', '/api/v1/sessions', { key: server.key }, { 'user-agent': 'Firefox' })
      await signIn(there, { key: server.key })
      const { body } = await there.call('GET', '/api/v1/sessions')
      const sessions = body['items'] as { id: string; agent: string; current: boolean }[]
      expect(sessions.filter(({ current }) => current)).toHaveLength(1)
      expect(sessions).toHaveLength(2)
      const first = sessions.find(({ current }) => !current)!
      expect(first).toMatchObject({ agent: 'Firefox', address: '127.0.0.1', key: { name: 'first' } })
      const other = await aCaller(server.running().deps.db)
      const stranger = server.clientFor(other.secret)
      expect((await stranger.session.list({})).items).toEqual([])
      await expect(stranger.session.end({ session: first.id })).rejects.toMatchObject({ code: 'not_found' })
      expect((await me(here)).status).toBe(200)
      expect((await there.call('DELETE', `/api/v1/sessions/${first.id}`)).body).toEqual({ ended: true })
      expect(codeOf(await me(here))).toEqual([401, 'session_ended'])
    })

    test('when there are too many of one user, the oldest first', async () => {
      const server = await startTestServer(make)
      const first = aBrowser(server)
      await signIn(first, { key: server.key })
      for (let n = 0; n < limits.sessionsPerUser; n++) {
        server.clock.advance(1000)
        await signIn(aBrowser(server), { key: server.key })
      }
      expect(codeOf(await me(first))).toEqual([401, 'session_ended'])
      expect((await server.client.session.list({ limit: 200 })).items).toHaveLength(limits.sessionsPerUser)
    })
  })

  describe('a password', () => {
    test('is changed by whoever knows it, and every other session ends', async () => {
      const server = await startTestServer(make)
      const [here, there] = [aBrowser(server), aBrowser(server)]
      await signIn(here, { key: server.key })
      await signIn(there, { key: server.key })
      const set = (body: object) => here.call('PUT', '/api/v1/me/password', body)
      expect(codeOf(await set({ password: 'too short' }))).toEqual([400, 'invalid'])
      expect(await set({ password })).toMatchObject({ status: 200 })
      expect(codeOf(await me(there))).toEqual([401, 'session_ended'])
      expect((await me(here)).body).toMatchObject({ hasPassword: true })
      expect(codeOf(await set({ password: 'another long one' }))).toEqual([403, 'wrong_password'])
      expect(codeOf(await set({ password: 'another long one', current: 'wrong' }))).toEqual([403, 'wrong_password'])
      expect((await set({ password: 'another long one', current: password })).status).toBe(200)
      expect(codeOf(await signIn(there, { name: 'admin', password }))).toEqual([403, 'wrong_password'])
      expect((await signIn(there, { name: 'admin', password: 'another long one' })).status).toBe(200)
      await server.client.user.setPassword({ body: { password } })
      expect(codeOf(await me(here))).toEqual([401, 'session_ended'])
    })

    test('and the tokens are nowhere in the database', async () => {
      const server = await startTestServer(make)
      const { db } = server.running().deps
      const browser = aBrowser(server)
      await server.client.user.setPassword({ body: { password } })
      const { code } = await server.client.session.createCode()
      await signIn(browser, { name: 'admin', password })
      const rows = [
        await db.selectFrom('sessions').selectAll().execute(),
        await db.selectFrom('passwords').selectAll().execute(),
        await db.selectFrom('signInCodes').selectAll().execute(),
        await db.selectFrom('events').selectAll().execute(),
      ]
      expect(rows.slice(0, 2).map(({ length }) => length)).toEqual([1, 1])
      expect(rows[2]!.length).toBeGreaterThan(0)
      const text = JSON.stringify(rows)
      for (const secret of [password, code, browser.cookie.split('=')[1]!]) expect(text).not.toContain(secret)
    })
  })

  test('the team is switched for one session, among one’s own', async () => {
    const server = await startTestServer(make)
    const [here, there] = [aBrowser(server), aBrowser(server)]
    const other = await aCaller(server.running().deps.db)
    await server.client.team.create({ body: { name: 'vision' } })
    await signIn(here, { key: server.key })
    await signIn(there, { key: server.key })
    const switchTo = (team: string) => here.call('POST', '/api/v1/sessions/current/team', { team })
    expect(await switchTo('vision')).toMatchObject({ status: 200, body: { team: { name: 'vision' }, role: 'admin' } })
    expect((await me(here)).body).toMatchObject({ team: { name: 'vision' } })
    expect((await me(there)).body).toMatchObject({ team: { name: 'main' } })
    for (const team of [other.teamId, other.teamName, 'nothing']) {
      expect(codeOf(await switchTo(team))).toEqual([404, 'not_found'])
    }
    await expect(server.client.session.switchTeam({ body: { team: 'vision' } })).rejects.toMatchObject({
      code: 'no_session',
    })
    await expect(server.client.session.signOut()).rejects.toMatchObject({ code: 'no_session' })
  })

  test('a request with a key and a cookie is that of the key', async () => {
    const server = await startTestServer(make)
    const { secret, userName } = await aCaller(server.running().deps.db)
    const browser = aBrowser(server)
    await signIn(browser, { key: server.key })
    const asKey = await browser.call('GET', '/api/v1/me', undefined, { authorization: `Bearer ${secret}` })
    expect(asKey.body).toMatchObject({ user: { name: userName }, session: null })
    const wrong = await browser.call('GET', '/api/v1/me', undefined, { 'x-api-key': 'wrong' })
    expect(codeOf(wrong)).toEqual([401, 'unauthenticated'])
  })
})
