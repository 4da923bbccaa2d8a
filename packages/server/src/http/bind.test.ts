import { describe, expect, test } from 'vitest'
import type { Handlers } from '../kinds/kind.ts'
import { asMember, standInApp } from '../testing/stand-in-app.ts'

const project = {
  id: 'pr0000000000000001',
  name: 'digits',
  tags: [],
  images: [],
  jobs: { total: 0, active: 0 },
  createdAt: '2026-01-01T00:00:00.000Z',
}

async function post(url: string, payload: unknown, handlers: { project?: Partial<Handlers<'project'>> } = {}) {
  const { app, logged } = standInApp({ handlers })
  const response = await app.inject({ method: 'POST', url, headers: asMember, payload: payload as object })
  return {
    status: response.statusCode,
    body: response.json<{ error: { code: string; message: string; requestId: string } }>(),
    logged,
  }
}

async function messageOf(method: 'GET' | 'POST', url: string, payload?: object): Promise<string> {
  const { app } = standInApp()
  const response = await app.inject({ method, url, headers: asMember, ...(payload ? { payload } : {}) })
  expect(response.statusCode).toBe(400)
  const { error } = response.json<{ error: { code: string; message: string } }>()
  expect(error.code).toBe('invalid')
  return error.message
}

describe('what comes in', () => {
  test('is parsed, with defaults filled in', async () => {
    const seen: unknown[] = []
    const { app } = standInApp({
      handlers: {
        project: {
          create: ({ body, caller, requestId }) => {
            seen.push(body, caller.userName, requestId.length)
            return project
          },
          list: ({ query }) => {
            seen.push(query)
            return { items: [], next: null }
          },
        },
      },
    })
    await app.inject({ method: 'POST', url: '/api/v1/projects', headers: asMember, payload: { name: 'digits' } })
    await app.inject({ url: '/api/v1/projects?limit=7&tag=a', headers: asMember })
    expect(seen).toEqual([{ name: 'digits', tags: [] }, 'ada', 16, { limit: 7, tag: 'a' }])
  })

  test('a repeated parameter is a list where the contract takes one', async () => {
    const seen: unknown[] = []
    const { app } = standInApp({
      handlers: {
        storage: {
          archive: ({ query }) => {
            seen.push(query.path)
            return { body: '', contentType: 'application/x-tar' }
          },
        },
      },
    })
    for (const query of ['path=a&path=b', 'path=a']) {
      await app.inject({ url: `/api/v1/storage/archive?${query}`, headers: asMember })
    }
    expect(seen).toEqual([['a', 'b'], 'a'])
  })

  test('a body whose fields all have defaults may be left out', async () => {
    const graces: number[] = []
    const { app } = standInApp({
      handlers: {
        job: {
          stop: ({ body }) => {
            graces.push(body.graceSeconds)
            throw new Error('enough')
          },
        },
      },
    })
    await app.inject({ method: 'POST', url: '/api/v1/jobs/x/stop', headers: asMember })
    await app.inject({
      method: 'POST',
      url: '/api/v1/jobs/x/stop',
      headers: { ...asMember, 'content-type': 'application/json' },
    })
    expect(graces).toEqual([10, 10])
  })

  test.each([
    [
      'unknown field',
      { name: 'x', colour: 'red' },
      'The body is not right: `colour` is not known (known are name, tags).',
    ],
    ['missing field', {}, 'The body is not right: `name` is missing.'],
    ['wrong types', { name: 7, tags: 'a' }, 'The body is not right: `name` must be text; `tags` must be a list.'],
    [
      'empty text',
      { name: '' },
      'The body is not right: `name` must not be empty; `name` is not allowed: a name has no slashes and no control characters.',
    ],
    ['too long', { name: 'x'.repeat(101) }, 'The body is not right: `name` must have at most 100 characters.'],
    [
      'in a list',
      { name: 'x', tags: ['ok', 'a,b', 3] },
      'The body is not right: `tags[1]` is not allowed: a tag has no commas and no control characters; `tags[2]` must be text.',
    ],
    ['no object', [1], 'The body is not right: it must be an object.'],
  ])('%s: the message names it', async (_, payload, message) => {
    expect(await messageOf('POST', '/api/v1/projects', payload)).toBe(message)
  })

  test('what is wrong deep inside is named by its place', async () => {
    const base = { command: 'x', project: 'p' }
    const messages = await Promise.all(
      [
        { ...base, workspace: { from: 'upload', id: 'j0000000000000001', extra: 1 } },
        { ...base, workspace: { from: 'moon' } },
        { ...base, workspace: {} },
        { ...base, env: { '1A': 'x', OK: 5 } },
        { ...base, retryOn: 'never', retries: 101, timeLimitSeconds: 1.5, ports: [80] },
        { ...base, requirements: 5 },
      ].map((payload) => messageOf('POST', '/api/v1/jobs', payload)),
    )
    expect(messages).toEqual([
      'The body is not right: `workspace.extra` is not known (known are from, id).',
      'The body is not right: `workspace.from` must be one of nothing, upload, git.',
      'The body is not right: `workspace.from` is missing.',
      'The body is not right: `env.1A` is not a name that can be given: letters, digits and _ only, not starting with a digit; `env.OK` must be text.',
      'The body is not right: `ports[0]` must be at least 1024; `timeLimitSeconds` must be a whole number; `retries` must be at most 100; `retryOn` must be one of any, machine.',
      'The body is not right: `requirements` must be text.',
    ])
  })

  test.each([
    ['/api/v1/projects?limit=many', 'The query is not right: `limit` must be a number.'],
    ['/api/v1/projects?limit=0', 'The query is not right: `limit` must be at least 1.'],
    ['/api/v1/projects?colour=red', 'The query is not right: `colour` is not known (known are limit, after, tag).'],
    ['/api/v1/me?key=hush', 'The query is not right: `key` is not known (nothing can be given here).'],
    ['/api/v1/projects?tag=a&tag=b', 'The query is not right: `tag` can be given only once.'],
    ['/api/v1/storage?recursive=perhaps', 'The query is not right: `recursive` must be true or false.'],
    [
      '/api/v1/jobs?state=lost',
      'The query is not right: `state` must be one of pending, running, succeeded, failed, error, cancelled, preempted.',
    ],
    [`/api/v1/jobs/${'x'.repeat(201)}`, 'The address is not right: `job` must have at most 200 characters.'],
  ])('%s', async (url, message) => expect(await messageOf('GET', url)).toBe(message))

  test('a flood of mistakes is told in part', async () => {
    const payload = { name: 'x', ...Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`field${n}`, 1])) }
    const message = await messageOf('POST', '/api/v1/projects', payload)
    expect(message.endsWith('; and 44 more.')).toBe(true)
  })

  test('names from the request are cut and cleaned before they are repeated', async () => {
    const message = await messageOf('POST', '/api/v1/projects', {
      name: 'x',
      [`evil\n\u001b[31m${'y'.repeat(500)}`]: 1,
    })
    expect(message).toMatch(/^[\u0020-\u007e]{1,200}$/)
  })

  test('`__proto__` in a body changes nothing but is refused', async () => {
    const { app } = standInApp()
    const headers = { ...asMember, 'content-type': 'application/json' }
    const payload = '{"name":"x","__proto__":{"admin":true},"constructor":{"prototype":{}}}'
    const response = await app.inject({ method: 'POST', url: '/api/v1/projects', headers, payload })
    expect(response.statusCode).toBe(400)
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  test.each([
    ['{"name": "x",}', 'application/json', 'The body is not JSON: something is wrong at line 1, column 14.'],
    ['{"name": ', 'application/json', 'The body is not JSON: it ends too early.'],
    ['hush-hush', 'application/json', 'The body is not JSON: it cannot be read.'],
    [
      'name=x',
      'application/x-www-form-urlencoded',
      'The body must be JSON, sent with `content-type: application/json`.',
    ],
    ['{"name":"x"}', 'text/plain', 'The body must be JSON, sent with `content-type: application/json`.'],
    ['{"name":"x"}', '', 'The body must be JSON, sent with `content-type: application/json`.'],
    ['{"name":"x"}', '/;;', 'The content type of the request is not well formed.'],
  ])('the body %s as %s', async (payload, type, message) => {
    const { app } = standInApp()
    const headers = { ...asMember, ...(type === '' ? {} : { 'content-type': type }) }
    const response = await app.inject({ method: 'POST', url: '/api/v1/projects', headers, payload })
    expect(response.statusCode).toBe(400)
    expect(response.json()).toMatchObject({ error: { code: 'invalid', message } })
  })
})

describe('what goes out', () => {
  test('is held to the contract: other fields are left out', async () => {
    const create = () => ({ ...project, hash: 'internal' })
    const { status, body } = await post('/api/v1/projects', { name: 'x' }, { project: { create } })
    expect(status).toBe(200)
    expect(body).toEqual(project)
  })

  test('a handler that breaks the contract is a bug: 500, and the log says where', async () => {
    const create = () => ({ ...project, name: 'a/b' })
    const { status, body, logged } = await post('/api/v1/projects', { name: 'x' }, { project: { create } })
    expect(status).toBe(500)
    expect(body.error).toMatchObject({ code: 'internal', message: 'Something went wrong in the server.' })
    const line = logged.find(({ level }) => level === 50) as { err: { message: string }; requestId: string }
    expect(line.err.message).toContain('the response of project.create does not fit the contract')
    expect(line.requestId).toBe(body.error.requestId)
  })

  test('anything that is thrown but is no AppError stays inside', async () => {
    const create = () => Promise.reject(new Error('password=hush'))
    const { status, body, logged } = await post('/api/v1/projects', { name: 'x' }, { project: { create } })
    expect(status).toBe(500)
    expect(JSON.stringify(body)).not.toContain('hush')
    expect(logged.filter(({ level }) => level === 50)).toHaveLength(1)
  })

  test.each([
    [Object.assign(new Error('x'), { code: 'ENOSPC' })],
    [Object.assign(new Error('x'), { code: 'EDQUOT' })],
    [Object.assign(new Error('x'), { code: 'ERR_SQLITE_ERROR', errcode: 13 })],
    [Object.assign(new Error('x'), { code: '53100' })],
  ])('a full disk is said so: %o', async (problem) => {
    const { status, body } = await post(
      '/api/v1/projects',
      { name: 'x' },
      { project: { create: () => Promise.reject(problem) } },
    )
    expect(status).toBe(507)
    expect(body.error.code).toBe('disk_full')
  })

  test('HEAD answers like GET, without a body', async () => {
    const { app } = standInApp({ handlers: { project: { show: () => project } } })
    const url = '/api/v1/projects/digits'
    const [get, head] = [
      await app.inject({ url, headers: asMember }),
      await app.inject({ method: 'HEAD', url, headers: asMember }),
    ]
    expect(head.statusCode).toBe(200)
    expect(head.body).toBe('')
    expect(head.headers['content-length']).toBe(get.headers['content-length'])
    expect(head.headers['content-type']).toBe(get.headers['content-type'])
  })

  test('requests are counted by the template of their route', async () => {
    const { app, deps } = standInApp({ handlers: { project: { show: () => project } } })
    for (const name of ['a', 'b']) await app.inject({ url: `/api/v1/projects/${name}`, headers: asMember })
    await app.inject('/nothing')
    const text = await deps.metrics.render()
    expect(text).toContain(
      'nabla_http_request_duration_seconds_count{method="GET",route="/api/v1/projects/:project",status="200"} 2',
    )
    expect(text).toContain('nabla_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1')
    expect(text).toContain('nabla_http_requests_in_flight 0')
    expect(text).toContain('process_cpu_seconds_total')
  })
})
