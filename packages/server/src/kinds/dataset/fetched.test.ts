import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { DatasetSource, DatasetVersion } from '@nabla/api/dataset'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { eachDatabase } from '../../testing/database.ts'
import { putObject, s3ServerProgram, startS3, type TestS3 } from '../../testing/s3.ts'
import { startTestServer, type TestServer } from '../../testing/server.ts'
import { makeTar } from '../../volumes/archive-bytes.ts'

type Url = Extract<DatasetSource, { from: 'url' }>
type Respond = (request: IncomingMessage, response: ServerResponse) => unknown

const allowed = { fetchHosts: ['127.0.0.1'] }
const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')

/** A web server of this test; what it was asked for is in `asked`. */
async function aSite(respond: Respond): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = []
  const server: Server = createServer((request, response) => {
    asked.push(request)
    respond(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

const gives =
  (body: Buffer | string, headers: Record<string, string> = {}): Respond =>
  (_, response) =>
    void response.writeHead(200, headers).end(body)

/** Makes a version and waits for what becomes of it. */
async function imported(server: TestServer, source: Omit<Url, 'from' | 'expand'> & Partial<Url>, dataset = 'set') {
  const { version } = await server.client.dataset.commit({ dataset, body: { source: { from: 'url', ...source } } })
  return untilDone(server, dataset, version)
}

async function untilDone(server: TestServer, dataset: string, version: number): Promise<DatasetVersion> {
  const look = async () => {
    const found = await server.client.dataset.version({ dataset, version: String(version) })
    if (found.state === 'preparing') throw new Error('still preparing')
    return found
  }
  return vi.waitFor(look, { timeout: 15_000, interval: 10 })
}

const paths = async ({ client }: TestServer, dataset = 'set') =>
  (await client.dataset.files({ dataset, version: 'latest', recursive: 'true' })).items
    .filter(({ type }) => type === 'file')
    .map(({ path }) => path)

const read = async ({ client }: TestServer, path: string, dataset = 'set') =>
  (await client.dataset.get({ dataset, version: 'latest', path })).text()

eachDatabase((make) => {
  describe('by http', () => {
    test('a file, as it is; an archive, unpacked unless told not to', async () => {
      const server = await startTestServer(make, undefined, allowed)
      const tar = gzipSync(
        makeTar([
          { path: 'train/a.txt', content: 'a' },
          { path: 'b.txt', content: 'b' },
        ]),
      )
      const site = await aSite(({ url = '' }, response) =>
        gives(url.endsWith('gz') ? tar : 'one,two', { etag: '"v1"' })({} as IncomingMessage, response),
      )
      const made = await imported(server, { url: `${site.url}/deep/a%20table.csv?signature=hidden`, etag: 'v1' })
      expect(made).toMatchObject({ state: 'ready', files: 1, sizeBytes: 7, source: `${site.url}/deep/a%20table.csv` })
      expect(await read(server, 'a table.csv')).toBe('one,two')
      const url = `${site.url}/set.tar.gz`
      expect(await imported(server, { url, sha256: sha256(tar) })).toMatchObject({ state: 'ready', files: 2 })
      expect(await paths(server)).toEqual(['b.txt', 'train/a.txt'])
      await imported(server, { url, expand: false })
      expect(await paths(server)).toEqual(['set.tar.gz'])
      expect(JSON.stringify(await server.client.event.list({ after: 0 }))).not.toContain('hidden')
    })

    test('another digest or ETag than expected fails the version, and the job that waits for it', async () => {
      const server = await startTestServer(make, undefined, allowed)
      let go = () => {}
      const held = new Promise<void>((resolve) => (go = resolve))
      const site = await aSite(async (_, response) => {
        await held
        response.writeHead(200, { etag: 'W/"v2"' }).end('content')
      })
      const source = { from: 'url', url: `${site.url}/a.bin`, sha256: sha256('other') } as const
      await server.client.dataset.commit({ dataset: 'set', body: { source } })
      const job = await server.client.job.create({
        body: { command: 'run=1s', project: 'demo', datasets: [{ dataset: 'set' }] },
      })
      const waiting = await vi.waitFor(
        async () => {
          const found = await server.client.job.show({ job: job.id })
          if (found.reason === null) throw new Error('not planned yet')
          return found
        },
        { timeout: 15_000 },
      )
      expect(waiting).toMatchObject({
        state: 'pending',
        reason: 'It waits for set:1, which is being prepared.',
        queue: { why: 'it waits for set:1, which is being prepared' },
        datasets: [{ version: 1, digest: null }],
      })
      go()
      const failed = await untilDone(server, 'set', 1)
      expect(failed.state).toBe('failed')
      expect(failed.reason).toContain(`its SHA-256 is ${sha256('content')}, and should be ${sha256('other')}`)
      const ended = await server.untilState(job.id, 'error')
      expect(ended.reason).toBe(`Version 1 of the dataset set could not be prepared: ${failed.reason}`)
      const other = await imported(server, { url: `${site.url}/a.bin`, etag: '"v1"' })
      expect(other).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('its ETag is v2, and should be v1'),
      })
      const again = server.client.job.create({
        body: { command: 'x', project: 'demo', datasets: [{ dataset: 'set:1' }] },
      })
      await expect(again).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('failed') })
      expect(await imported(server, { url: `${site.url}/a.bin`, etag: 'v2' })).toMatchObject({ state: 'ready' })
    })

    test('a job that waits goes on once the version is ready, with its digest', async () => {
      const server = await startTestServer(make, undefined, allowed)
      const site = await aSite(gives('content'))
      const source = { from: 'url', url: `${site.url}/a.bin` } as const
      await server.client.dataset.commit({ dataset: 'set', body: { source, tags: ['prod'] } })
      const job = await server.client.job.create({
        body: { command: 'run=1s', project: 'demo', datasets: [{ dataset: 'set:1' }] },
      })
      const { digest, tags } = await untilDone(server, 'set', 1)
      expect(tags).toEqual(['latest', 'prod'])
      expect(await server.untilState(job.id, 'succeeded')).toMatchObject({ reason: null, datasets: [{ digest }] })
    })

    test('a transfer that breaks off goes on where it was, if the object is the same', async () => {
      const server = await startTestServer(make, undefined, allowed)
      const content = Buffer.alloc(300_000, 'abcdefg')
      const site = await aSite(({ headers: { range } }, response) => {
        const start = Number(/\d+/.exec(range ?? '')?.[0] ?? 0)
        const headers = { etag: '"same"', 'content-length': String(content.length - start) }
        response.writeHead(range === undefined ? 200 : 206, headers)
        if (start > 0) response.end(content.subarray(start))
        else response.write(content.subarray(0, 100_000), () => response.destroy())
      })
      const url = `${site.url}/a.bin`
      expect(await imported(server, { url, sha256: sha256(content) })).toMatchObject({ state: 'ready' })
      expect(site.asked.at(-1)?.headers).toMatchObject({ 'if-range': '"same"' })
      const changing = await aSite((request, response) => {
        const isFirst = request.headers.range === undefined
        response.writeHead(200, { etag: isFirst ? '"a"' : '"b"', 'content-length': '300000' })
        if (isFirst) response.write(content.subarray(0, 1000), () => response.destroy())
        else response.end(content)
      })
      const failed = await imported(server, { url: `${changing.url}/a.bin` })
      expect(failed).toMatchObject({ state: 'failed', reason: expect.stringContaining('broke off') })
    })

    test('a login goes to the host it is for alone, and is never shown', async () => {
      const server = await startTestServer(make, undefined, { fetchHosts: ['*'] })
      const other = await aSite(gives('content'))
      const site = await aSite(({ url, headers }, response) => {
        const location = `${other.url.replace('127.0.0.1', 'localhost')}/elsewhere`
        if (headers.authorization === undefined) response.writeHead(401)
        else if (url === '/away') response.writeHead(302, { location })
        response.end('content')
      })
      await server.client.secret.set({ name: 'TOKEN', body: { value: 'hidden-value' } })
      const login = { username: 'ada', password: 'secret:TOKEN' }
      expect(await imported(server, { url: `${site.url}/a`, ...login })).toMatchObject({ state: 'ready' })
      const sent = `Basic ${Buffer.from('ada:hidden-value').toString('base64')}`
      expect(site.asked[0]?.headers.authorization).toBe(sent)
      expect(await imported(server, { url: `${site.url}/away`, ...login })).toMatchObject({ state: 'ready' })
      expect(other.asked[0]?.headers.authorization).toBeUndefined()
      expect(await imported(server, { url: `${site.url}/a` })).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('the login is missing or wrong'),
      })
      await imported(server, { url: `${site.url}/a`, username: 'ada', password: 'plain-password' })
      const rows = await server.running().deps.db.selectFrom('datasetVersions').selectAll().execute()
      expect(JSON.stringify(rows)).not.toMatch(/plain-password|hidden-value|secret:/)
      expect(rows.map(({ sealedSource }) => sealedSource)).toEqual([null, null, null, null])
      const unknown = imported(server, { url: `${site.url}/a`, password: 'secret:NOBODY' })
      await expect(unknown).rejects.toMatchObject({ code: 'unknown_secret' })
      const inside = imported(server, { url: site.url.replace('//', '//ada:pw@') })
      await expect(inside).rejects.toMatchObject({ code: 'invalid' })
    })

    test('what only the server can reach is not fetched, and neither is the server', async () => {
      const server = await startTestServer(make, undefined, { fetchHosts: ['allowed.localhost'] })
      const site = await aSite(gives('content'))
      const refused = { state: 'failed', reason: expect.stringContaining('does not fetch from') }
      const port = new URL(site.url).port
      const hosts = ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '10.0.0.1', '[fd00::1]']
      for (const host of [...hosts, '169.254.169.254', '[fe80::1]', '0.0.0.0', '[fd00:ec2::254]', '224.0.0.1']) {
        expect(await imported(server, { url: `http://${host}:${port}/` })).toMatchObject(refused)
      }
      expect(site.asked).toEqual([])
      for (const url of ['file:///etc/passwd', 'ftp://a/b', 'gopher://x', '//x/y']) {
        await expect(imported(server, { url })).rejects.toMatchObject({ code: 'invalid' })
      }
      const leading = await aSite(
        (_, response) => void response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end(),
      )
      await server.restart()
      const all = await startTestServer(make, undefined, { fetchHosts: ['*'] })
      expect(await imported(all, { url: leading.url })).toMatchObject(refused)
    })
  })

  test('what was being prepared when the server was killed is begun anew; what is deleted is given up', async () => {
    const server = await startTestServer(make, undefined, allowed)
    let isOpen = false
    const closed: boolean[] = []
    const site = await aSite((_, response) => {
      if (isOpen) response.end('content')
      else response.writeHead(200, { 'content-length': '1000' }).write('begun')
      response.on('close', () => closed.push(true))
    })
    const source = { from: 'url', url: `${site.url}/a.bin` } as const
    await server.client.dataset.commit({ dataset: 'set', body: { source } })
    await vi.waitFor(() => expect(site.asked).toHaveLength(1), { timeout: 15_000 })
    await server.restart()
    expect(await server.client.dataset.version({ dataset: 'set', version: '1' })).toMatchObject({ state: 'preparing' })
    await vi.waitFor(() => expect(site.asked).toHaveLength(2), 10_000)
    await server.client.dataset.commit({ dataset: 'set', body: { source } })
    await vi.waitFor(() => expect(site.asked).toHaveLength(3), 10_000)
    closed.length = 0
    await server.client.dataset.deleteVersion({ dataset: 'set', version: '1' })
    await vi.waitFor(() => expect(closed).toEqual([true]), 10_000)
    isOpen = true
    await server.restart()
    expect(await untilDone(server, 'set', 2)).toMatchObject({ state: 'ready', sizeBytes: 7 })
  })
})

const program = s3ServerProgram()

describe.skipIf(program === undefined)('by s3 (skipped without versitygw: tools/install-s3-server.sh)', () => {
  let s3: TestS3
  beforeAll(async () => {
    s3 = await startS3(program!)
  })
  afterAll(() => s3.stop())

  eachDatabase((make) => {
    test('one object, checked by its ETag, or all below a prefix', async () => {
      const bucket = s3.newBucket()
      const server = await startTestServer(make, undefined, allowed)
      const etag = await putObject(bucket, 'sets/faces/a b.txt', 'a')
      await putObject(bucket, 'sets/faces/deep/ü&<.txt', 'u')
      await putObject(bucket, 'sets/other.txt', 'other')
      const { endpoint, accessKeyId: username, secretAccessKey: password } = bucket
      const from = { endpoint, username, password }
      const url = `s3://${bucket.bucket}/sets/faces/a%20b.txt`
      const one = await imported(server, { url, etag, ...from })
      expect(one).toMatchObject({ state: 'ready', source: `s3://${bucket.bucket}/sets/faces/a b.txt` })
      expect(await read(server, 'a b.txt')).toBe('a')
      const all = await imported(server, { url: `s3://${bucket.bucket}/sets/faces/`, ...from })
      expect(all).toMatchObject({ state: 'ready', files: 2 })
      expect(await paths(server)).toEqual(['a b.txt', 'deep/ü&<.txt'])
      const whole = await imported(server, { url: `s3://${bucket.bucket}`, ...from })
      expect(whole).toMatchObject({ state: 'ready', files: 3 })
      const failing: [Partial<Url> & { url: string }, string][] = [
        [{ url, etag: 'other' }, 'should be other'],
        [{ url: `s3://${bucket.bucket}/nothing/` }, 'there is nothing below it'],
        [{ url: `s3://${bucket.bucket}/nothing` }, 'the server answered 404'],
        [{ url, password: 'wrong' }, 'the login is missing or wrong'],
      ]
      for (const [wrong, reason] of failing) {
        const failed = await imported(server, { ...from, ...wrong })
        expect(failed).toMatchObject({ state: 'failed', reason: expect.stringContaining(reason) })
      }
      const digest = imported(server, { url: `s3://${bucket.bucket}/sets/`, etag: 'x', ...from })
      await expect(digest).rejects.toMatchObject({ code: 'invalid' })
    })
  })
})
