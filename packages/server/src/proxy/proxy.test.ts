import type { IncomingHttpHeaders } from 'node:http'

import { describe, expect, test } from 'vitest'

import { eachDatabase } from '../testing/database.ts'
import { aCaller } from '../testing/fixtures.ts'
import { ask, cookieOf, listens, servingJob } from '../testing/served.ts'
import { startTestServer } from '../testing/server.ts'

const page = {
  accept: 'text/html',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'none',
}
const codeIn = ({ status, body }: { status: number; body: string }) => [
  status,
  (JSON.parse(body) as { error: { code: string } }).error.code,
]

eachDatabase((make) => {
  describe('who may', () => {
    test('opens with a ticket, once, and stays signed in at that address alone', async () => {
      const server = await startTestServer(make)
      const seen: IncomingHttpHeaders[] = []
      const { port } = await listens((request, response) => {
        seen.push(request.headers)
        response.end(`this is ${request.url}`)
      })
      const job = await servingJob(server, port)
      const link = await server.client.job.openPort({ job, port, body: { path: '/lab?x=1' } })
      expect(link.address).toBe(`http://${job}-${port}.localhost:${new URL(server.running().url).port}/`)
      expect((await server.client.job.ports({ job })).items).toEqual([{ port, address: link.address }])

      expect(codeIn(await ask(server, link.address))).toEqual([401, 'not_signed_in_here'])
      const entered = await ask(server, link.url)
      expect([entered.status, entered.headers.location]).toEqual([303, '/lab?x=1'])
      const [set = ''] = entered.headers['set-cookie'] ?? []
      expect(set).toMatch(/^nabla_app_j\w+-\d+=[\w.-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/)
      expect((await ask(server, link.url)).status).toBe(401)

      const cookie = `${set.split(';')[0]}; theirs=1; nabla_session_00000000=stolen`
      const headers = { ...page, cookie, authorization: 'Basic eDp5', 'x-nabla-user': 'somebody-else' }
      expect(await ask(server, `${link.address}lab?x=1`, { headers })).toMatchObject({
        status: 200,
        body: 'this is /lab?x=1',
      })
      expect(seen).toHaveLength(1)
      expect(seen[0]).toMatchObject({ cookie: 'theirs=1', authorization: 'Basic eDp5', 'x-nabla-user': 'admin' })
      expect(seen[0]).toMatchObject({ host: new URL(link.address).host, 'x-forwarded-proto': 'http' })

      const elsewhere = link.address.replace(job, 'j0123456789abcdef')
      const renamed = cookie.replace(job, 'j0123456789abcdef')
      expect((await ask(server, elsewhere, { headers: { ...page, cookie: renamed } })).status).toBe(401)
      expect(codeIn(await ask(server, `${elsewhere}.nabla/enter?ticket=nonsense`))).toEqual([401, 'not_signed_in_here'])
    })

    test('is let in with a key or with the token of the address, neither of which goes on to the task', async () => {
      const server = await startTestServer(make)
      const seen: [string | undefined, IncomingHttpHeaders][] = []
      const { port } = await listens((request, response) => {
        seen.push([request.url, request.headers])
        response.end('ok')
      })
      const job = await servingJob(server, port)
      const { address, token } = await server.client.job.openPort({ job, port, body: {} })
      expect((await server.client.job.openPort({ job, port, body: {} })).token).toBe(token)
      const programs = [
        { headers: { authorization: `Bearer ${server.key}` } },
        { headers: { 'x-api-key': server.key } },
        { headers: { authorization: `token ${token}` } },
        { path: `api?a=%20&token=${token}&b=2` },
      ]
      for (const { headers = {}, path = '' } of programs) {
        expect(await ask(server, address + path, { headers, method: 'POST' })).toMatchObject({ status: 200 })
      }
      const all = JSON.stringify(seen)
      expect([all.includes(server.key), all.includes(token)]).toEqual([false, false])
      expect(seen.at(-1)?.[0]).toBe('/api?a=%20&b=2')
      // A browser gets a cookie for it, so that the rest of the page works too.
      const opened = await ask(server, `${address}?token=${token}`, { headers: page })
      expect([opened.status, opened.headers.location]).toEqual([303, '/'])
      const cookie = opened.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
      expect((await ask(server, address, { headers: { ...page, cookie } })).status).toBe(200)
    })

    test('is let in as a program at the origin of the console, where no browser is', async () => {
      const server = await startTestServer(make)
      const seen: [string | undefined, IncomingHttpHeaders][] = []
      const { port } = await listens((request, response) => {
        seen.push([request.url, request.headers])
        response.setHeader('set-cookie', 'nice=1').setHeader('access-control-allow-origin', '*')
        response.setHeader('content-type', 'text/html').end('<script>evil()</script>')
      })
      const job = await servingJob(server, port)
      const link = await server.client.job.openPort({ job, port, body: {} })
      const { programAddress, token } = link
      expect(programAddress).toBe(`${server.running().url}/programs/${job}-${port}/`)
      const secrets = [{ authorization: `token ${token}` }, { authorization: `Bearer ${server.key}` }]
      for (const headers of secrets) {
        const answer = await ask(server, `${programAddress}/api?a=1`, { headers })
        expect(answer).toMatchObject({ status: 200, body: '<script>evil()</script>' })
        expect(answer.headers).toMatchObject({
          'content-security-policy': "sandbox; default-src 'none'",
          'x-content-type-options': 'nosniff',
        })
        expect(Object.keys(answer.headers)).not.toContain('set-cookie')
        expect(Object.keys(answer.headers)).not.toContain('access-control-allow-origin')
      }
      expect(seen.map(([url]) => url)).toEqual(['/api?a=1', '/api?a=1'])
      expect(JSON.stringify(seen)).not.toContain(token)

      const session = await ask(server, `${server.running().url}/api/v1/sessions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: server.running().url, 'sec-fetch-site': 'same-origin' },
        body: JSON.stringify({ key: server.key }),
      })
      const signedIn = (session.headers['set-cookie'] ?? []).map((one) => one.split(';')[0]).join('; ')
      expect(signedIn).toContain('nabla_')
      const browsers: [string, Record<string, string>][] = [
        [programAddress, {}],
        [programAddress, { cookie: signedIn }],
        [programAddress, { ...page, cookie: await cookieOf(server, link) }],
        [`${programAddress}?token=${token}`, page],
        [programAddress, { ...page, authorization: `token ${token}` }],
        [`${programAddress}.nabla/enter?ticket=x`, page],
        [programAddress, { authorization: `token ${token}`, host: 'elsewhere.example' }],
      ]
      for (const [url, headers] of browsers) {
        expect((await ask(server, url, { headers })).body).not.toContain('evil')
      }
      expect(seen).toHaveLength(2)
    })

    test('keeps others out: another team, whoever was signed out, and whoever left', async () => {
      const server = await startTestServer(make)
      const { db } = server.running().deps
      const { port } = await listens((_, response) => void response.end('secret'))
      const job = await servingJob(server, port)
      const stranger = await aCaller(db)
      const team = await db.selectFrom('teams').selectAll().where('name', '=', 'main').executeTakeFirstOrThrow()
      const mate = await aCaller(db, { team })
      const link = await server.clientFor(mate.secret).job.openPort({ job, port, body: {} })
      const cookie = await cookieOf(server, link)
      const tries = {
        key: { authorization: `Bearer ${mate.secret}` },
        token: { authorization: `Bearer ${link.token}` },
        cookie: { ...page, cookie },
      }
      for (const headers of Object.values(tries))
        expect((await ask(server, link.address, { headers })).status).toBe(200)
      const foreign = await ask(server, link.address, { headers: { authorization: `Bearer ${stranger.secret}` } })
      expect(codeIn(foreign)).toEqual([404, 'not_served'])
      await expect(server.clientFor(stranger.secret).job.openPort({ job, port, body: {} })).rejects.toMatchObject({
        status: 404,
      })

      await db.deleteFrom('members').where('userId', '=', mate.userId).execute()
      for (const headers of Object.values(tries)) {
        expect((await ask(server, link.address, { headers })).status).toBe(401)
      }
    })
  })
})
