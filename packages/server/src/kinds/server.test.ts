import { contract, version } from '@nabla/api'
import { ApiError } from '@nabla/api/client'
import { buildOpenApi } from '@nabla/api/openapi'
import { describe, expect, test } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { standInApp } from '../testing/stand-in-app.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'
import { serverHandlers } from './server.ts'
import { homePage } from './server/home-page.ts'

eachDatabase((make) => {
  test('a server that is well says so to anyone', async () => {
    const server = await startTestServer(make)
    const stranger = server.clientFor(undefined)
    expect(await stranger.server.live()).toEqual({ status: 'ok', version })
    expect(await stranger.server.ready()).toEqual({ status: 'ready' })
  })

  test('without its database it is alive but not ready, and keeps the reason inside', async () => {
    const server = await startTestServer(make)
    const stranger = server.clientFor(undefined)
    await server.running().deps.db.destroy()
    expect((await stranger.server.live()).status).toBe('ok')
    const error = await stranger.server.ready().catch((error: unknown) => error)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({
      status: 503,
      code: 'busy',
      message: 'The server is busy: the database does not answer.',
    })
  })

  test('figures count jobs and tasks over all teams, and name none', async () => {
    const server = await startTestServer(make)
    const job = await server.client.job.create({ body: { command: 'true', project: 'quiet-name' } })
    await server.untilState(job.id, 'running')
    const text = await textOf(server.client.server.metrics())
    expect(text).toContain('nabla_jobs{state="running"} 1')
    expect(text).toMatch(/nabla_tasks\{state="(placed|running)"\} 1/)
    expect(text).toContain('nabla_queue_length 0')
    expect(text).toContain('nabla_loop_ok 1')
    expect(text).toMatch(/nabla_loop_passes [1-9]/)
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m)
    expect(text).toMatch(
      /nabla_http_request_duration_seconds_count\{method="POST",route="\/api\/v1\/jobs",status="200"\} 1/,
    )
    for (const name of ['quiet-name', job.id, job.name, server.key]) expect(text).not.toContain(name)
  })

  test('a state that nobody is in any more is not shown', async () => {
    const server = await startTestServer(make)
    const job = await server.client.job.create({ body: { command: 'true', project: 'p' } })
    await server.untilState(job.id, 'running')
    await textOf(server.client.server.metrics())
    await server.untilState(job.id, 'succeeded')
    const text = await textOf(server.client.server.metrics())
    expect(text).toContain('nabla_jobs{state="succeeded"} 1')
    expect(text).not.toContain('nabla_jobs{state="running"}')
  })

  test('the doctor looks at engine, database, disk and loop', async () => {
    const server = await startTestServer(make)
    const { version: told, findings } = await server.client.server.doctor()
    expect(told).toBe(version)
    const levels = Object.fromEntries(findings.map(({ topic, level }) => [topic, level]))
    expect(levels).toMatchObject({ database: 'ok', 'control loop': 'ok' })
    expect(Object.keys(levels)).toEqual(expect.arrayContaining(['disk', 'ready files']))
    expect(findings.length).toBeGreaterThan(3)
    for (const { level, hint } of findings) if (level === 'problem') expect(hint).toBeDefined()
  })

  test('an engine that cannot be examined does not hide the rest', async () => {
    const server: TestServer = await startTestServer(make)
    server.fake.doctor = () => Promise.reject(new Error('hush'))
    const { findings } = await server.client.server.doctor()
    expect(findings).toContainEqual(expect.objectContaining({ level: 'problem', topic: 'fake' }))
    expect(findings.map(({ topic }) => topic)).toContain('database')
    expect(JSON.stringify(findings)).not.toContain('hush')
  })
})

describe('pages', () => {
  const { app } = standInApp({ handlers: { server: serverHandlers } })

  test('/openapi.json is the document that the contract gives', async () => {
    const response = await app.inject('/openapi.json')
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(response.json()).toEqual(buildOpenApi(contract, version))
  })

  test('/docs has every route, error and shape, and every link in it leads somewhere', async () => {
    const { body } = await app.inject('/docs')
    const ids = new Set([...body.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]))
    expect(ids.size).toBe([...body.matchAll(/ id="([^"]+)"/g)].length)
    for (const [noun, routes] of Object.entries(contract)) {
      for (const verb of Object.keys(routes)) expect(ids).toContain(`${noun}.${verb}`)
    }
    const links = [...body.matchAll(/href="#([^"]*)"/g)].map((match) => match[1])
    expect(links.length).toBeGreaterThan(100)
    expect(links.filter((link) => !ids.has(link))).toEqual([])
    expect(body).toContain('<code>quota_exceeded</code>')
    expect(body).not.toMatch(/undefined|\[object Object\]/)
  })

  test('tags are closed in the order they were opened', async () => {
    expect(unbalanced((await app.inject('/docs')).body)).toEqual([])
    expect(unbalanced(homePage('1.2.3').html)).toEqual([])
  })

  test('nothing is fetched from elsewhere, nothing runs, and the policy names the one style sheet', async () => {
    const { body, headers } = await app.inject('/docs')
    expect(body).not.toMatch(/<script|<link[^>]+stylesheet|@import|url\(|\son\w+=|\sstyle=/)
    expect([...body.matchAll(/(?:src|href)="(https?:)?\/\//g)]).toEqual([])
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/]+='; img-src data:;/,
    )
  })

  test('what is put in is text and never markup', () => {
    expect(homePage(`<b>"x"'&`).html).toContain('&lt;b&gt;&quot;x&quot;&#39;&amp;')
  })
})

async function textOf(response: Promise<Response>): Promise<string> {
  return (await response).text()
}

/** Tags that are closed out of turn or not at all. */
function unbalanced(html: string): string[] {
  const empty = new Set(['meta', 'link', 'col', 'wbr', 'path', 'circle', 'br'])
  const open: string[] = []
  const wrong: string[] = []
  for (const [, slash, name = ''] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)/g)) {
    if (empty.has(name)) continue
    if (slash === '') open.push(name)
    else if (open.pop() !== name) wrong.push(name)
  }
  return [...wrong, ...open]
}
