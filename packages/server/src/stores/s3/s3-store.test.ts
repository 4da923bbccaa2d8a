import { randomBytes } from 'node:crypto'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock, TestClock } from '../../lib/clock.ts'
import { s3ServerProgram, startS3, type TestS3 } from '../../testing/s3.ts'
import { storeSuite } from '../store-suite.ts'
import { openS3Store, type S3Settings } from './s3-store.ts'

const program = s3ServerProgram()
const reason = program === undefined ? ' (no S3 server here: run tools/install-s3-server.sh)' : ''

describe.skipIf(program === undefined)(`on a real S3 server${reason}`, () => {
  let server: TestS3
  beforeAll(async () => {
    server = await startS3(program!)
  })
  afterAll(() => server.stop())

  for (const prefix of ['', 'some/where/']) {
    storeSuite(prefix === '' ? 'a bucket' : 'a part of a bucket', async () => {
      const settings = { ...server.newBucket(), prefix }
      const open = () => openS3Store(settings, systemClock)
      return { store: open(), reopen: async () => open(), close: async () => undefined }
    })
  }

  const wrong: [string, (settings: S3Settings) => Partial<S3Settings>, RegExp][] = [
    ['an unknown access key', () => ({ accessKeyId: 'nobody' }), /does not know the access key/],
    ['a wrong secret key', () => ({ secretAccessKey: 'wrong-secret' }), /secret key does not fit/],
    ['a bucket that is not there', () => ({ bucket: 'no-such-bucket' }), /no bucket no-such-bucket/],
    ['another region', () => ({ region: 'mars-1' }), /in the region us-east-1, not in mars-1/],
  ]
  test.each(wrong)('%s', async (_, change, message) => {
    const settings = server.newBucket()
    const store = openS3Store({ ...settings, ...change(settings) }, systemClock)
    const error = await store.put('a', randomBytes(10)).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'store_unavailable', message: expect.stringMatching(message) })
    expect(String(error)).not.toContain('secret-')
    await expect(store.get('a')).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(await store.check()).toMatchObject([{ level: 'problem', message: expect.stringMatching(message) }])
  })

  test('a clock of ours that is wrong is made up for, and told', async () => {
    const store = openS3Store(server.newBucket(), new TestClock(Date.now() - 3 * 3_600_000))
    await store.put('a', Buffer.from('x'))
    expect((await store.get('a')).toString()).toBe('x')
    expect(await store.check()).toMatchObject([
      { level: 'ok' },
      { level: 'warning', message: expect.stringContaining('clock') },
    ])
  })
})

describe('an S3 store that fails', () => {
  let server: Server
  let answers: ((response: ServerResponse) => void)[]
  let asked: number
  let settings: S3Settings
  beforeEach(async () => {
    answers = []
    asked = 0
    server = createServer((request, response) => {
      asked++
      request.resume().on('end', () => (answers.shift() ?? ok)(response))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    settings = { endpoint, region: 'r', bucket: 'b', prefix: '', accessKeyId: 'k', secretAccessKey: 'sssecret' }
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })
  const ok = (response: ServerResponse) => response.end('hello')
  const fail = (status: number, code: string) => (response: ServerResponse) =>
    response.writeHead(status).end(`<Error><Code>${code}</Code><Message>a &lt;b&gt; &#38; c</Message></Error>`)

  test('for a moment is asked again', async () => {
    answers = [fail(503, 'SlowDown'), fail(500, 'InternalError'), (response) => response.destroy(), fail(429, '')]
    expect((await openS3Store(settings, systemClock).get('a')).toString()).toBe('hello')
    expect(asked).toBe(5)
  })

  test('for good is not asked again, and told in its words', async () => {
    answers = [fail(400, 'EntityTooOdd')]
    await expect(openS3Store(settings, systemClock).get('a')).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('400 EntityTooOdd a <b> & c'),
    })
    expect(asked).toBe(1)
  })

  test('is given up after some tries, and at once when told to', async () => {
    answers = Array.from({ length: 20 }, () => fail(503, 'SlowDown'))
    const stop = new AbortController()
    const reading = openS3Store(settings, systemClock).get('a', undefined, stop.signal)
    await expect.poll(() => asked).toBe(3)
    stop.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
    expect(asked).toBe(3)
  })

  test('by ending too early: part of an object is never taken for the whole', async () => {
    const half = (response: ServerResponse) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half')
      setImmediate(() => response.destroy())
    }
    answers = [half]
    expect((await openS3Store(settings, systemClock).get('a')).toString()).toBe('hello')
    expect(asked).toBe(2)
  })

  test('by not knowing ranges', async () => {
    answers = [ok]
    const reading = openS3Store(settings, systemClock).get('a', { start: 1, length: 2 })
    await expect(reading).rejects.toThrow('does not read parts')
  })

  test('by being something else', async () => {
    answers = [(response) => response.writeHead(404).end('<html>not here</html>')]
    await expect(openS3Store(settings, systemClock).get('a')).rejects.toMatchObject({ code: 'store_unavailable' })
    answers = [(response) => response.writeHead(301, { location: 'http://192.0.2.1/' }).end()]
    await expect(openS3Store(settings, systemClock).get('a')).rejects.toThrow('another place')
  })

  test('by not being there', async () => {
    const name = 'http://does-not-exist.invalid'
    const store = openS3Store({ ...settings, endpoint: name }, systemClock)
    await expect(store.get('a')).rejects.toThrow(/does-not-exist.invalid cannot be reached/)
  })
})
