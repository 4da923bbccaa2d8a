import { rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { parseConfig } from './config.ts'
import { affine, affineTwice, counting, lookup, writeModel } from './testing/models.ts'
import { makeFolder, startServer, type TestServer, until, workersOf } from './testing/start.ts'

/** What becomes of models that crash, hang, fail or are replaced, and of those who wait for them. */

const folder = makeFolder()
const path = {
  affine: writeModel(folder.path, 'affine', affine),
  counting: writeModel(folder.path, 'counting', counting),
  lookup: writeModel(folder.path, 'lookup', lookup),
}
const model = (name: keyof typeof path, more = {}) => ({ name, path: path[name], format: 'onnx', ...more })
const row = { instances: [[1, 0, 0]] }
const forever = { inputs: { times: '4000000000', start: [0] } }
const predictions = [[1.5, 10]]
let server: TestServer | undefined

afterEach(async () => {
  await server?.close()
  server = undefined
})
afterAll(() => folder.remove())

const start = async (config: Record<string, unknown>) => (server = await startServer(config))
const count = (text: string, name: string) => Number(new RegExp(`^${name}.* (\\d+)$`, 'm').exec(text)?.[1] ?? 0)

describe('a worker that ends', () => {
  test('takes only what it was at with it, and the others are not disturbed', async () => {
    const { post, get, lines } = await start({ models: [model('counting'), model('affine')] })
    const begun = post('/v1/models/counting:predict', forever)
    await until(async () =>
      (await get('/metrics')).text.includes('nabla_serve_queued_requests{model="counting",version="1"} 0'),
    )
    await until(() => workersOf('counting/1').length === 1)
    // Given to the worker, or waiting in the queue: neither was begun.
    const waiting = [1, 2, 3].map(() => post('/v1/models/counting:predict', { inputs: { times: 2, start: [1] } }))
    await until(async () => count((await get('/metrics')).text, 'nabla_serve_queued_requests{model="counting"') === 2)
    for (const pid of workersOf('counting/1')) process.kill(pid, 'SIGKILL')
    const lost = await begun
    expect(lost.status).toBe(500)
    expect(lost.json['error']).toBe('the process that runs the model ended: killed by SIGKILL')
    const ready = await get('/v2/models/counting/ready')
    expect([200, 503]).toContain(ready.status)
    expect((await get('/v2/health/ready')).status).toBe(200)
    expect((await post('/v1/models/affine:predict', row)).json).toEqual({ predictions })
    for (const { json } of await Promise.all(waiting)) expect(json).toEqual({ outputs: [3] })
    expect(lines.join('\n')).toContain(
      '[counting/1] restarting: the process that runs the model ended: killed by SIGKILL',
    )
    expect(count((await get('/metrics')).text, 'nabla_serve_worker_restarts{model="counting"')).toBe(1)
  })

  test('a model that never loads says why, and the others answer', async () => {
    const empty = join(folder.path, 'empty')
    writeFileSync(empty, 'no model')
    const models = [model('affine'), { name: 'empty', path: empty, format: 'onnx' }]
    const { post, get } = await start({ models: [...models, { name: 'gguf', path: empty, format: 'gguf' }] })
    expect((await post('/v1/models/affine:predict', row)).json).toEqual({ predictions })
    const ready = await get('/v2/health/ready')
    expect(ready.status).toBe(503)
    expect(ready.json['reasons']).toEqual([
      expect.stringMatching(/model empty, version 1, is not ready: .*protobuf/i),
      expect.stringMatching(/model gguf.*the format gguf is not served: expected one of onnx, sklearn/),
    ])
    expect((await post('/v1/models/empty:predict', row)).status).toBe(503)
    expect((await get('/v2/models/empty')).json['error']).toMatch(/protobuf/i)
    expect((await get('/')).text).toContain('model empty, version 1, is not ready')
    rmSync(empty)
  })

  test('a program that is not there is said so', async () => {
    const models = [{ name: 'trees', path: path.affine, format: 'sklearn', python: '/no/such/python' }]
    const { repository, get } = await start({ models })
    expect(repository.find('trees').reason).toMatch(/could not be started: spawn \/no\/such\/python ENOENT/)
    expect((await get('/v1/models/trees')).text).toContain('"state":"END"')
  })
})

describe('those who wait', () => {
  test('get 504 in time, 429 when the queue is full, and leave it when they go', async () => {
    const { post, get, url } = await start({ models: [model('counting')], limits: { queue: 2 } })
    const queued = () => get('/metrics').then(({ text }) => count(text, 'nabla_serve_queued_requests'))
    /** In microseconds; without, the limit of the server holds, a minute. */
    const ask = (timeout?: number) => {
      const times = { name: 'times', datatype: 'INT64', shape: [], data: ['4000000000'] }
      const from = { name: 'start', datatype: 'FP32', shape: [1], data: [0] }
      return post('/v2/models/counting/infer', { inputs: [times, from], parameters: { timeout } })
    }
    const late = await ask(1000)
    expect([late.status, late.json['error']]).toEqual([504, 'there was no answer within 1 ms'])
    // That one is still worked on and one more is given to the worker; the queue is for the others.
    const others = Promise.allSettled([ask(), ask()])
    await until(async () => (await queued()) === 1)
    const gone = connect(Number(new URL(url).port), '127.0.0.1')
    const body = JSON.stringify(forever)
    gone.write(`POST /v1/models/counting:predict HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    await until(async () => (await queued()) === 2)
    const refused = await ask()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
    expect(refused.json['error']).toMatch(/2 requests wait for this model already/)
    gone.destroy()
    await until(async () => (await queued()) === 1)
    expect((await ask(1000)).status).toBe(504)
    await until(async () => (await queued()) === 1)
    await server?.close()
    server = undefined
    await others
  })

  test('are run together, and one that fails fails alone', async () => {
    const models = [model('affine'), model('lookup')]
    const { post, get } = await start({ models, limits: { batchDelayMs: 1000, maxBatch: 16 } })
    const before = count((await get('/metrics')).text, 'nabla_serve_batch_rows_count{model="affine"')
    const replies = await Promise.all(
      Array.from({ length: 16 }, (_, at) => post('/v1/models/affine:predict', { instances: [[at, 0, 0]] })),
    )
    expect(replies.map(({ json }) => json['predictions'])).toEqual(replies.map((_, at) => [[at + 0.5, at * 10]]))
    const batches = count((await get('/metrics')).text, 'nabla_serve_batch_rows_count{model="affine"') - before
    expect(batches).toBeLessThan(16)
    const mixed = [0, 1, 99, 3].map((index) => post('/v1/models/lookup:predict', { instances: [index] }))
    const found = await Promise.all(mixed)
    expect(found.map(({ status }) => status)).toEqual([200, 200, 500, 200])
    expect(found[3]!.json).toEqual({ predictions: [13] })
  })
})

describe('loading while requests come', () => {
  test('a new version takes its place without a request lost, and one that does not load changes nothing', async () => {
    const first = { name: 'live', path: writeModel(folder.path, 'first', affine), format: 'onnx' }
    const { post, get, repository, lines } = await start({ models: [first], repositoryControl: true })
    const seen = new Set<unknown>()
    let going = true
    const client = async () => {
      while (going) {
        const { status, json } = await post('/v1/models/live:predict', row)
        seen.add(`${status} ${JSON.stringify(json['predictions'])}`)
      }
    }
    const clients = Promise.all([client(), client(), client()])
    try {
      writeModel(folder.path, 'first', affineTwice)
      expect((await post('/v2/repository/models/live/load', '')).status).toBe(200)
      await until(() => seen.has('200 [[101,10]]'))
      const second = { ...first, version: 2, path: writeModel(folder.path, 'second', affine) }
      await repository.apply(parseConfig({ models: [first, second] }, 'the test'))
      expect(repository.find('live').version).toBe('2')
      expect((await get('/v2/models/live')).json['versions']).toEqual(['1', '2'])
      expect((await post('/v1/models/live/versions/1:predict', row)).json).toEqual({ predictions: [[101, 10]] })
      await repository.apply(parseConfig({ models: [second], repositoryControl: true }, 'the test'))
      await until(() => workersOf('live/1').length === 0)
      writeFileSync(join(second.path, 'model.onnx'), 'broken')
      const failed = await post('/v2/repository/models/live/load', '')
      expect([failed.status, failed.json['error']]).toEqual([503, expect.stringMatching(/protobuf/i)])
      expect(lines.join('\n')).toContain('the old one stays, since model live, version 2, is not ready')
    } finally {
      going = false
      await clients
    }
    expect(seen).toEqual(new Set(['200 [[1.5,10]]', '200 [[101,10]]']))
    expect((await post('/v2/repository/models/live/unload', '')).status).toBe(200)
    expect((await post('/v1/models/live:predict', row)).status).toBe(404)
    await until(() => workersOf('live/2').length === 0)
  })
})

describe('whatever is sent', () => {
  test('is answered with a prediction or with what is wrong, never with a fault', async () => {
    const { post, get, lines } = await start({
      models: [model('affine'), model('counting')],
      limits: { timeoutMs: 500 },
    })
    const piece = fc.oneof(
      fc.constantFrom('x', 'instances', 'inputs', 'examples', 'FP32', 'BYTES', 'INT64', '__proto__', 'NaN', 'b64', 'y'),
      fc.jsonValue({ maxDepth: 3 }),
      fc.array(fc.array(fc.double(), { maxLength: 4 }), { maxLength: 4 }),
    )
    const tensor = fc.record(
      {
        name: fc.constantFrom('x', 'z'),
        datatype: fc.constantFrom('FP32', 'BYTES', 'INT8', 7),
        shape: fc.array(fc.oneof(fc.nat(4), fc.integer(), fc.constant('1')), { maxLength: 3 }),
        data: piece,
        parameters: fc.record({ binary_data_size: fc.oneof(fc.nat(20), fc.integer()) }, { requiredKeys: [] }),
      },
      { requiredKeys: ['name'] },
    )
    const keys = fc.constantFrom('x', 'instances', 'inputs', 'outputs', 'examples', 'context', 'signature_name', 'id')
    const body = fc.oneof(
      fc.json(),
      fc.dictionary(keys, fc.oneof(piece, fc.array(tensor, { maxLength: 2 }))).map((value) => JSON.stringify(value)),
      fc.record({ inputs: fc.array(tensor, { maxLength: 2 }) }).map((value) => JSON.stringify(value)),
      fc.uint8Array({ maxLength: 64 }),
    )
    const where = fc.constantFrom(
      '/v1/models/affine:predict',
      '/v1/models/affine:classify',
      '/v1/models/affine:regress',
      '/v2/models/affine/infer',
      '/models/affine/predict',
      '/v2/repository/index',
    )
    await fc.assert(
      fc.asyncProperty(where, body, fc.option(fc.nat(80)), async (to, sent, head) => {
        const headers: Record<string, string> = head === null ? {} : { 'inference-header-content-length': String(head) }
        const { status, text } = await post(to, sent, headers)
        expect([200, 400], `${to} ${String(sent)}: ${text}`).toContain(status)
        if (status === 400) expect(JSON.parse(text)).toEqual({ error: expect.stringMatching(/.{5}/) })
      }),
      { numRuns: 400 },
    )
    expect(lines.filter((line) => line.includes('fault of the server'))).toEqual([])
    expect((await post('/v1/models/affine:predict', row)).json).toEqual({ predictions })
    expect((await get('/v2/health/ready')).status).toBe(200)
  })
})
