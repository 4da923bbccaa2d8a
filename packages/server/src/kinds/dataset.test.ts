import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { DatasetVersion } from '@nabla/api/dataset'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { aCaller } from '../testing/fixtures.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

type Commit = Parameters<TestServer['client']['dataset']['commit']>[0]['body']

const textOf = async (response: Promise<Response>): Promise<string> => (await response).text()

/** A tree of these files, as a client would have sent it. */
async function aTree(server: TestServer, files: Record<string, string>, team?: string): Promise<string> {
  const { db, trees } = server.running().deps
  const dir = await mkdtemp(join(tmpdir(), 'nabla-dataset-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), content)
  }
  const [first] = await db.selectFrom('teams').select('id').orderBy('createdAt').execute()
  return (await trees.ingest(team ?? first!.id, dir, AbortSignal.any([]))).tree.digest
}

async function push(server: TestServer, dataset: string, files: Record<string, string>, more: Partial<Commit> = {}) {
  const source = { from: 'tree', digest: await aTree(server, files) } as const
  return server.client.dataset.commit({ dataset, body: { source, ...more } })
}

async function untilDone(server: TestServer, dataset: string, version: number): Promise<DatasetVersion> {
  const look = async () => {
    const found = await server.client.dataset.version({ dataset, version: String(version) })
    if (found.state === 'preparing') throw new Error('still preparing')
    return found
  }
  return vi.waitFor(look, { timeout: 15_000, interval: 10 })
}

const filesOf = async ({ client }: TestServer, dataset: string, version = 'latest') =>
  (await client.dataset.files({ dataset, version, recursive: 'true' })).items
    .filter(({ type }) => type === 'file')
    .map(({ path }) => path)

eachDatabase((make) => {
  describe('versions', () => {
    test('have numbers, never change, and one that is the same is not made twice', async () => {
      const server = await startTestServer(make)
      const { dataset } = server.client
      const first = await push(server, 'faces', { 'a.txt': 'one', 'b/c.txt': 'two' }, { message: 'begun' })
      expect(first).toMatchObject({ version: 1, state: 'ready', message: 'begun', files: 2, sizeBytes: 6 })
      expect(first).toMatchObject({ tags: ['latest'], createdBy: { name: 'admin' } })
      const second = await push(server, 'faces', { 'a.txt': 'other' })
      expect(second).toMatchObject({ version: 2, files: 1, tags: ['latest'] })
      const again = await push(server, 'faces', { 'a.txt': 'other' }, { tags: ['prod'] })
      expect(again).toEqual({ ...second, tags: ['latest', 'prod'] })
      expect(await dataset.show({ dataset: 'faces' })).toMatchObject({ name: 'faces', versions: 2, latest: again })
      expect(await filesOf(server, 'faces', '1')).toEqual(['a.txt', 'b/c.txt'])
      expect(await filesOf(server, 'faces', 'prod')).toEqual(['a.txt'])
      expect(await textOf(dataset.get({ dataset: 'faces', version: '1', path: 'b/c.txt' }))).toBe('two')
      const pages = []
      for (let after: string | null | undefined; after !== null;) {
        const page = await dataset.versions({ dataset: 'faces', limit: 1, ...(after === undefined ? {} : { after }) })
        pages.push(...page.items.map(({ version }) => version))
        after = page.next
      }
      expect(pages).toEqual([2, 1])
    })

    test('tags move, and `latest` cannot be set', async () => {
      const server = await startTestServer(make)
      const { dataset } = server.client
      await push(server, 'faces', { a: '1' }, { tags: ['prod', 'old'] })
      await push(server, 'faces', { a: '2' })
      await dataset.tag({ dataset: 'faces', tag: 'prod', body: { version: 'latest' } })
      const { items } = await dataset.versions({ dataset: 'faces' })
      expect(items.map(({ tags }) => tags)).toEqual([['latest', 'prod'], ['old']])
      await dataset.untag({ dataset: 'faces', tag: 'old' })
      await expect(dataset.untag({ dataset: 'faces', tag: 'old' })).rejects.toMatchObject({ code: 'unknown_version' })
      await expect(dataset.version({ dataset: 'faces', version: 'old' })).rejects.toMatchObject({
        code: 'unknown_version',
      })
      const latest = dataset.tag({ dataset: 'faces', tag: 'latest', body: { version: '1' } })
      await expect(latest).rejects.toMatchObject({ code: 'invalid' })
      await expect(push(server, 'faces', { a: '3' }, { tags: ['latest'] })).rejects.toMatchObject({ code: 'invalid' })
    })

    test('can be made onto another: what is new wins, also where a file was a folder', async () => {
      const server = await startTestServer(make)
      await push(server, 'faces', { 'keep/a': 'a', 'keep/b': 'b', 'was/folder/x': 'x', file: 'f', 'file.txt': 't' })
      const more = { 'keep/b': 'newer', was: 'a file now', 'file/in/it': 'y', added: 'z' }
      const made = await push(server, 'faces', more, { base: '1', tags: ['merged'] })
      expect(made).toMatchObject({ version: 2, state: 'preparing', tags: [] })
      expect(await untilDone(server, 'faces', 2)).toMatchObject({
        state: 'ready',
        tags: ['latest', 'merged'],
        files: 6,
      })
      expect(await filesOf(server, 'faces')).toEqual(['added', 'file.txt', 'file/in/it', 'keep/a', 'keep/b', 'was'])
      const get = { dataset: 'faces', version: '2', path: 'keep/b' }
      expect(await textOf(server.client.dataset.get(get))).toBe('newer')
      expect(await filesOf(server, 'faces', '1')).toHaveLength(5)
    })

    test('are numbered without a gap by many at once, and a number is not given out twice', async () => {
      const server = await startTestServer(make)
      const made = await Promise.all(['1', '2', '3', '4'].map((a) => push(server, 'faces', { a })))
      expect(made.map(({ version }) => version).sort((a, b) => a - b)).toEqual([1, 2, 3, 4])
      await server.client.dataset.deleteVersion({ dataset: 'faces', version: '4' })
      expect(await push(server, 'faces', { a: '5' })).toMatchObject({ version: 5 })
    })
  })

  describe('datasets', () => {
    test('are made, renamed, found by beginning and tag, and deleted with all they have', async () => {
      const server = await startTestServer(make)
      const { dataset } = server.client
      const body = { name: 'faces', description: 'Celebrities', tags: ['images'] }
      const made = await dataset.create({ body })
      expect(made).toMatchObject({ ...body, versions: 0, latest: null })
      await expect(dataset.create({ body })).rejects.toMatchObject({ code: 'name_taken' })
      await push(server, 'words', { a: 'b' })
      const names = async (query: object) => (await dataset.list(query)).items.map(({ name }) => name).sort()
      expect(await names({})).toEqual(['faces', 'words'])
      expect(await names({ name: 'fa' })).toEqual(['faces'])
      expect(await names({ tag: 'images' })).toEqual(['faces'])
      await expect(dataset.update({ dataset: 'faces', body: { name: 'words' } })).rejects.toMatchObject({
        code: 'name_taken',
      })
      const renamed = await dataset.update({ dataset: made.id, body: { name: 'people', tags: [] } })
      expect(renamed).toMatchObject({ name: 'people', description: 'Celebrities', tags: [] })
      await dataset.delete({ dataset: 'words' })
      expect(await names({})).toEqual(['people'])
      const { db } = server.running().deps
      const volumes = await db.selectFrom('volumes').select('id').where('purpose', '=', 'dataset').execute()
      expect(volumes).toEqual([])
      const nobody = server.client.dataset.commit({
        dataset: 'a b',
        body: { source: { from: 'storage', path: '' } },
      })
      await expect(nobody).rejects.toMatchObject({ code: 'invalid' })
    })

    test('are nobody else’s: not by name, by id, or by the digest of their files', async () => {
      const server = await startTestServer(make)
      const version = await push(server, 'faces', { a: 'secret' })
      const { id } = await server.client.dataset.show({ dataset: 'faces' })
      const stranger = server.clientFor((await aCaller(server.running().deps.db)).secret)
      for (const dataset of ['faces', id]) {
        await expect(stranger.dataset.show({ dataset })).rejects.toMatchObject({ code: 'not_found' })
        const job = { command: 'x', project: 'p', datasets: [{ dataset: `${dataset}:1` }] }
        await expect(stranger.job.create({ body: job })).rejects.toMatchObject({ code: 'not_found' })
      }
      const source = { from: 'tree', digest: version.digest! } as const
      await expect(stranger.dataset.commit({ dataset: 'mine', body: { source } })).rejects.toMatchObject({
        code: 'not_found',
      })
      expect((await stranger.dataset.list({})).items).toEqual([])
    })
  })

  describe('jobs', () => {
    const submit = (server: TestServer, datasets: { dataset: string; mount?: string }[], more: object = {}) =>
      server.client.job.create({ body: { command: 'run=1s', project: 'demo', datasets, ...more } })

    test('read the version that was chosen when they were submitted, and so do their clones', async () => {
      const server = await startTestServer(make)
      const version = await push(server, 'faces', { a: '1' }, { tags: ['prod'] })
      const job = await submit(server, [{ dataset: 'faces:prod', mount: 'x' }, { dataset: 'faces' }])
      await push(server, 'faces', { a: '2' }, { tags: ['prod'] })
      const { digest } = version
      const { id } = await server.client.dataset.show({ dataset: 'faces' })
      const read = [
        { id, name: 'faces', version: 1, digest, path: '/data/faces' },
        { id, name: 'faces', version: 1, digest, path: '/data/x' },
      ]
      expect(job.datasets).toEqual(read)
      expect(job.spec.datasets).toEqual([
        { dataset: 'faces:1', mount: 'x' },
        { dataset: 'faces:1', mount: 'faces' },
      ])
      await server.client.dataset.update({ dataset: 'faces', body: { name: 'people' } })
      const clone = await server.client.job.clone({ job: job.id, body: {} })
      expect(clone.datasets.map(({ version, path }) => [version, path])).toEqual([
        [1, '/data/faces'],
        [1, '/data/x'],
      ])
      const changed = await server.client.job.clone({ job: job.id, body: { datasets: [{ dataset: 'people:prod' }] } })
      expect(changed.datasets).toMatchObject([{ version: 2, path: '/data/people' }])
      await server.untilState(job.id, 'succeeded')
    })

    test('that name what is not there, or two things for one place, are refused', async () => {
      const server = await startTestServer(make)
      await push(server, 'faces', { a: '1' })
      await expect(submit(server, [{ dataset: 'nothing' }])).rejects.toMatchObject({ code: 'not_found' })
      const refused = submit(server, [{ dataset: 'faces:7' }])
      await expect(refused).rejects.toMatchObject({ code: 'unknown_version' })
      await expect(submit(server, [{ dataset: 'faces' }, { dataset: 'faces:1' }])).rejects.toMatchObject({
        code: 'invalid',
      })
      const inside = submit(server, [{ dataset: 'faces' }], { workingDir: '/data/faces' })
      await expect(inside).rejects.toMatchObject({ code: 'bad_path' })
    })

    test('keep what they read from being deleted until they have ended', async () => {
      const server = await startTestServer(make)
      await push(server, 'faces', { a: '1' })
      const job = await submit(server, [{ dataset: 'faces' }], { command: 'run=30s', name: 'reader' })
      const { dataset } = server.client
      for (const call of [
        () => dataset.delete({ dataset: 'faces' }),
        () => dataset.deleteVersion({ dataset: 'faces', version: '1' }),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: 'conflict', message: expect.stringMatching(/job reader/) })
      }
      await server.untilState(job.id, 'succeeded')
      await dataset.deleteVersion({ dataset: 'faces', version: '1' })
      expect((await server.client.job.show({ job: job.id })).datasets).toMatchObject([{ name: 'faces', version: 1 }])
      await expect(server.client.job.clone({ job: job.id, body: {} })).rejects.toMatchObject({
        code: 'unknown_version',
      })
    })
  })

  describe('sources', () => {
    test('storage, all of it, a folder or a file; and artifacts of a job that has ended', async () => {
      const server = await startTestServer(make)
      const { client } = server
      await client.storage.put({ path: 'sets/a.csv', body: '1,2' })
      await client.storage.put({ path: 'sets/deep/b.csv', body: '3,4' })
      const from = async (path: string) => {
        const body = { source: { from: 'storage', path } as const }
        const { version } = await client.dataset.commit({ dataset: 'faces', body })
        expect(await untilDone(server, 'faces', version)).toMatchObject({ state: 'ready', source: `storage:${path}` })
        return filesOf(server, 'faces')
      }
      expect(await from('sets')).toEqual(['a.csv', 'deep/b.csv'])
      expect(await from('sets/deep/b.csv')).toEqual(['b.csv'])
      expect(await from('')).toEqual(['sets/a.csv', 'sets/deep/b.csv'])
      for (const [path, code] of [
        ['gone', 'file_not_found'],
        ['../x', 'bad_path'],
      ] as const) {
        const body = { source: { from: 'storage', path } as const }
        await expect(client.dataset.commit({ dataset: 'faces', body })).rejects.toMatchObject({ code })
      }
      const job = await client.job.create({ body: { command: 'run=5s', project: 'demo', name: 'maker' } })
      const body = { source: { from: 'job', job: 'maker', path: '' } as const, tags: ['made'] }
      await expect(client.dataset.commit({ dataset: 'made', body })).rejects.toMatchObject({ code: 'conflict' })
      await server.untilState(job.id, 'succeeded')
      const { deps } = server.running()
      const { artifactsId } = await deps.db.selectFrom('jobs').select('artifactsId').executeTakeFirstOrThrow()
      await writeFile(join(deps.volumes.volumeDir(artifactsId), 'model.pt'), 'weights')
      await client.dataset.commit({ dataset: 'made', body })
      expect(await untilDone(server, 'made', 1)).toMatchObject({ source: 'job:maker/', tags: ['latest', 'made'] })
      expect(await filesOf(server, 'made', 'made')).toEqual(['model.pt'])
    })
  })

  test('a file is shown to a browser at the origin of content, and packed', async () => {
    const server = await startTestServer(make)
    await push(server, 'faces', { 'page.txt': 'hello', 'b.txt': 'b' })
    const which = { dataset: 'faces', version: '1' }
    const { url } = await server.client.dataset.open({ ...which, body: { path: 'page.txt' } })
    const { pathname } = new URL(url)
    const own = new URL(server.running().url)
    const headers = { host: `content.localhost:${own.port}` }
    const shown = new Promise<string>((resolve, reject) => {
      const asked = get({ host: '127.0.0.1', port: own.port, path: pathname, headers, agent: false })
      asked.on('error', reject).on('response', (answer) => void text(answer).then(resolve, reject))
    })
    expect(await shown).toBe('hello')
    const packed = await (await server.client.dataset.pack({ ...which, body: { paths: ['b.txt'] } })).arrayBuffer()
    expect(Buffer.from(packed).toString('latin1')).toContain('b.txt')
    expect(await server.client.dataset.checksum({ ...which, path: 'b.txt' })).toMatchObject({ sizeBytes: 1 })
  })
})
