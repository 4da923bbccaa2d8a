import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { makeTar } from '../volumes/archive-bytes.ts'
import { unpack } from '../volumes/archive.ts'
import { eachDatabase } from '../testing/database.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const bytesOf = async (response: Promise<Response>): Promise<Buffer> =>
  Buffer.from(await (await response).arrayBuffer())
const day = 24 * 3_600_000

/** Where the storage of the first team lies. */
async function rootOf(server: TestServer): Promise<string> {
  const { db, volumes } = server.running().deps
  await server.client.storage.list({})
  const { id } = await db.selectFrom('volumes').select('id').where('purpose', '=', 'storage').executeTakeFirstOrThrow()
  return volumes.volumeDir(id)
}

eachDatabase((make) => {
  describe('a large file in parts', () => {
    test('arrives over a restart, and is found again by the same words', async () => {
      const server = await startTestServer(make)
      const content = randomBytes(300_000)
      const body = { path: 'a/b.bin', sizeBytes: content.length, modifiedAt: '2025-05-05T05:05:05.123Z' }
      const begun = await server.client.storage.beginUpload({ body })
      expect(begun).toMatchObject({ offsetBytes: 0, sizeBytes: 300_000 })
      const { id: upload } = begun
      const part = (from: number, to?: number) =>
        server.client.storage.appendUpload({ upload, offset: from, body: content.subarray(from, to) })
      expect(await part(0, 100_000)).toMatchObject({ offsetBytes: 100_000 })
      await server.restart()
      expect(await server.client.storage.beginUpload({ body })).toMatchObject({ id: upload, offsetBytes: 100_000 })
      await expect(part(0, 50)).rejects.toMatchObject({ status: 409, code: 'wrong_offset' })
      await expect(server.client.storage.finishUpload({ upload, body: {} })).rejects.toMatchObject({
        code: 'wrong_offset',
      })
      await part(100_000)
      expect(await server.client.storage.finishUpload({ upload, body: { sha256: sha(content) } })).toEqual({
        path: 'a/b.bin',
        sizeBytes: content.length,
        sha256: sha(content),
      })
      expect(await bytesOf(server.client.storage.get({ path: 'a/b.bin' }))).toEqual(content)
      expect((await server.client.storage.list({ path: 'a' })).items[0]?.modifiedAt).toBe(body.modifiedAt)
      await expect(server.client.storage.showUpload({ upload })).rejects.toMatchObject({ code: 'not_found' })
    })

    test('keeps what arrived of a part that was cut, and takes no more than was announced', async () => {
      const server = await startTestServer(make)
      const { storage } = server.client
      const { id: upload } = await storage.beginUpload({ body: { path: 'f', sizeBytes: 10 } })
      const url = `${server.running().url}/api/v1/storage/uploads/${upload}?offset=0`
      const headers = { authorization: `Bearer ${server.key}`, 'content-length': '10' }
      const cut = request(url, { method: 'PUT', headers: { ...headers, 'content-type': 'application/octet-stream' } })
      cut.on('error', () => {})
      await new Promise<void>((resolve) => cut.write('12345', () => resolve()))
      await expect.poll(() => storage.showUpload({ upload })).toMatchObject({ offsetBytes: 5 })
      cut.destroy()
      await expect.poll(() => storage.showUpload({ upload })).toMatchObject({ offsetBytes: 5 })
      await expect(storage.appendUpload({ upload, offset: 5, body: '6789012345' })).rejects.toMatchObject({
        code: 'body_too_large',
      })
      const { offsetBytes } = await storage.showUpload({ upload })
      await storage.appendUpload({ upload, offset: offsetBytes, body: '1234567890'.slice(offsetBytes) })
      expect((await storage.finishUpload({ upload, body: {} })).sizeBytes).toBe(10)
    })

    test('with a wrong checksum leaves the old file as it is', async () => {
      const { client } = await startTestServer(make)
      await client.storage.put({ path: 'f', body: 'old' })
      const { id: upload } = await client.storage.beginUpload({
        body: { path: 'f', sizeBytes: 3, sha256: sha(Buffer.from('new')) },
      })
      await client.storage.appendUpload({ upload, offset: 0, body: 'bad' })
      await expect(client.storage.finishUpload({ upload, body: {} })).rejects.toMatchObject({
        code: 'checksum_mismatch',
      })
      expect(await (await client.storage.get({ path: 'f' })).text()).toBe('old')
    })

    test('is counted in the quota, and given up when a day old', async () => {
      const server = await startTestServer(make)
      const { client, clock } = server
      const [team] = (await client.team.list({})).items
      await client.team.update({ team: team!.name, body: { storageQuotaBytes: 1_000_000 } })
      const begin = (path: string, sizeBytes: number) => client.storage.beginUpload({ body: { path, sizeBytes } })
      const { id: upload } = await begin('a', 900_000)
      await expect(begin('b', 200_000)).rejects.toMatchObject({
        code: 'quota_exceeded',
        message: expect.stringMatching(/ of [\d.]+ [kM]B\.$/),
      })
      expect((await begin('a', 900_000)).id).toBe(upload)
      clock.advance(day / 2)
      await client.storage.appendUpload({ upload, offset: 0, body: 'x' })
      const { running } = server
      const sweep = () => running().deps.uploads.sweep(clock.now() - day)
      clock.advance(day - 1000)
      await sweep()
      expect((await client.storage.showUpload({ upload })).offsetBytes).toBe(1)
      clock.advance(2000)
      await sweep()
      await expect(client.storage.showUpload({ upload })).rejects.toMatchObject({ code: 'not_found' })
      await begin('b', 200_000)
    })

    test('can be given up, and goes only where a file may go', async () => {
      const server = await startTestServer(make)
      const { storage } = server.client
      const { id: upload } = await storage.beginUpload({ body: { path: 'f', sizeBytes: 1 } })
      await storage.cancelUpload({ upload })
      await expect(storage.appendUpload({ upload, offset: 0, body: 'x' })).rejects.toMatchObject({ code: 'not_found' })
      for (const path of ['../f', '/f', 'a//b', 'a/../../b']) {
        await expect(storage.beginUpload({ body: { path, sizeBytes: 1 } })).rejects.toMatchObject({ code: 'bad_path' })
      }
      await expect(storage.showUpload({ upload: '../x' })).rejects.toMatchObject({ code: 'not_found' })
      const root = await rootOf(server)
      await symlink('/tmp', join(root, 'out'))
      const through = await storage.beginUpload({ body: { path: 'out/f', sizeBytes: 0 } })
      await expect(storage.finishUpload({ upload: through.id, body: {} })).rejects.toMatchObject({ code: 'bad_path' })
    })
  })

  describe('a download', () => {
    test('goes on only with the same file', async () => {
      const { client } = await startTestServer(make)
      await client.storage.put({ path: 'f', body: 'one version' })
      const first = await client.storage.get({ path: 'f' })
      const etag = first.headers.get('etag') ?? ''
      const get = (headers: Record<string, string>) => client.storage.get({ path: 'f' }, { headers })
      const rest = await get({ range: 'bytes=4-', 'if-range': etag })
      expect([rest.status, await rest.text()]).toEqual([206, 'version'])
      await client.storage.put({ path: 'f', body: 'two version' })
      const other = await get({ range: 'bytes=4-', 'if-range': etag })
      expect([other.status, await other.text()]).toEqual([200, 'two version'])
      await expect(get({ range: 'bytes=4-', 'if-match': etag })).rejects.toMatchObject({
        status: 412,
        code: 'file_changed',
      })
    })

    test('comes with its checksum if asked, or tells it apart', async () => {
      const { client } = await startTestServer(make)
      const content = randomBytes(10_000)
      await client.storage.put({ path: 'f', body: new Uint8Array(content) })
      const wanted = await client.storage.get({ path: 'f' }, { headers: { 'want-repr-digest': 'sha-256=10' } })
      const digest = Buffer.from(sha(content), 'hex').toString('base64')
      expect(wanted.headers.get('repr-digest')).toBe(`sha-256=:${digest}:`)
      expect(await client.storage.checksum({ path: 'f' })).toMatchObject({
        sha256: sha(content),
        sizeBytes: 10_000,
        etag: wanted.headers.get('etag'),
      })
      expect((await client.storage.get({ path: 'f' })).headers.get('repr-digest')).toBeNull()
    })

    test.each(['zip', 'tar', 'tar.gz'] as const)('of a folder as %s holds what is in it', async (format) => {
      const server = await startTestServer(make)
      const root = await rootOf(server)
      await mkdir(join(root, 'd/empty'), { recursive: true })
      const random = randomBytes(200_000)
      await writeFile(join(root, 'd/ünï'), 'text '.repeat(50_000), { mode: 0o755 })
      await writeFile(join(root, 'd/random'), random)
      await writeFile(join(root, 'd/none'), '')
      await symlink('random', join(root, 'd/link'))
      const response = await server.client.storage.archive({ path: 'd', format })
      expect(response.headers.get('content-disposition')).toContain(`filename="storage.${format}"`)
      const target = join(root, '..', `unpacked${format.length}`)
      const body = Readable.fromWeb(response.body as never)
      const { files } = await unpack(body, target, { signal: AbortSignal.timeout(20_000) })
      expect(files).toBe(3)
      expect((await readdir(join(target, 'd'))).sort()).toEqual(['empty', 'link', 'none', 'random', 'ünï'])
      expect(await readFile(join(target, 'd/link'))).toEqual(random)
      expect((await stat(join(target, 'd/ünï'))).mode & 0o777).toBe(0o755)
      expect(await readFile(join(target, 'd/ünï'), 'utf8')).toBe('text '.repeat(50_000))
    })

    test('of many files leaves out what has vanished', async () => {
      const { client } = await startTestServer(make)
      for (const path of ['a', 'b/c']) await client.storage.put({ path, body: path })
      const response = await client.storage.pack({ body: { paths: ['b/c', 'gone', 'b/gone', 'a'] } })
      expect(await text(Readable.fromWeb(response.body as never))).toMatch(/a\0.*a\0.*b\/c\0.*b\/c\0/s)
      await expect(client.storage.pack({ body: { paths: ['../a'] } }).then((r) => r.text())).rejects.toThrow()
    })
  })

  describe('many files as a tar', () => {
    const put = (server: TestServer, path: string, tar: Buffer) =>
      server.client.storage.unpack({ path, body: new Uint8Array(tar) })

    test('come beside what is there, with their times', async () => {
      const server = await startTestServer(make)
      await server.client.storage.put({ path: 'd/old', body: 'old' })
      await server.client.storage.put({ path: 'd/x/replaced', body: 'old' })
      const tar = makeTar([
        { path: 'x/', type: '5' },
        { path: 'x/replaced', content: Buffer.from('new') },
        { path: './y/z/deep', content: Buffer.from('deep') },
      ])
      expect(await put(server, 'd', tar)).toEqual({ files: 2, sizeBytes: 7 })
      const { items } = await server.client.storage.list({ path: 'd', recursive: 'true' })
      expect(items.filter(({ type }) => type === 'file').map(({ path }) => path)).toEqual([
        'd/old',
        'd/x/replaced',
        'd/y/z/deep',
      ])
      expect(await readdir(join(await rootOf(server), '../.staging'))).toEqual([])
    })

    test('write nothing outside, whatever they are called', async () => {
      const server = await startTestServer(make)
      const root = await rootOf(server)
      await symlink('/tmp', join(root, 'out'))
      await mkdir(join(root, 'folder'))
      const content = Buffer.from('x')
      for (const [entry, code] of [
        [{ path: '../evil', content }, 'bad_path'],
        [{ path: '/tmp/evil', content }, 'bad_path'],
        [{ path: 'out/evil', content }, 'bad_path'],
        [{ path: 'link', type: '2', target: '/etc/passwd' }, 'bad_archive'],
        [{ path: 'folder', content }, 'bad_path'],
      ] as const) {
        await expect(put(server, '', makeTar([entry]))).rejects.toMatchObject({ code })
      }
      await expect(
        put(server, '', makeTar([{ path: 'a', content: randomBytes(9000) }]).subarray(0, 2000)),
      ).rejects.toMatchObject({ code: 'bad_archive' })
      expect((await readdir(root)).sort()).toEqual(['folder', 'out'])
    })
  })

  describe('copy, move and folders', () => {
    test('copies a folder beside what is there, and passes over what is equal', async () => {
      const { client } = await startTestServer(make)
      for (const path of ['a/x', 'a/deep/y', 'b/z']) await client.storage.put({ path, body: path })
      const copy = () => client.storage.copy({ body: { from: { path: 'a' }, to: 'b' } })
      expect(await copy()).toEqual({ files: 2, sizeBytes: 11, equal: 0, complete: true })
      expect(await copy()).toEqual({ files: 0, sizeBytes: 0, equal: 2, complete: true })
      expect(await (await client.storage.get({ path: 'b/deep/y' })).text()).toBe('a/deep/y')
      await client.storage.copy({ body: { from: { path: 'a/x' }, to: 'new/one' } })
      expect(await (await client.storage.get({ path: 'new/one' })).text()).toBe('a/x')
    })

    test('copies what a job left', async () => {
      const server = await startTestServer(make)
      const job = await server.client.job.create({ body: { command: 'run=1s', project: 'p', name: 'j' } })
      await server.untilState(job.id, 'succeeded')
      const { db, volumes } = server.running().deps
      const row = await db.selectFrom('jobs').select('artifactsId').where('id', '=', job.id).executeTakeFirstOrThrow()
      await writeFile(join(volumes.volumeDir(row.artifactsId), 'model'), 'weights')
      await server.client.storage.copy({ body: { from: { job: 'j', path: 'model' }, to: 'models/m1' } })
      expect(await (await server.client.storage.get({ path: 'models/m1' })).text()).toBe('weights')
    })

    test('moves in one step, and replaces only when told', async () => {
      const { client } = await startTestServer(make)
      for (const path of ['a/x', 'f', 'g']) await client.storage.put({ path, body: path })
      const move = (from: string, to: string, overwrite = false) =>
        client.storage.move({ body: { from, to, overwrite } })
      await move('a', 'new/b')
      expect(await (await client.storage.get({ path: 'new/b/x' })).text()).toBe('a/x')
      await expect(move('f', 'g')).rejects.toMatchObject({ code: 'conflict' })
      await move('f', 'g', true)
      expect(await (await client.storage.get({ path: 'g' })).text()).toBe('f')
      for (const [from, to] of [
        ['g', 'new'],
        ['new', 'g'],
        ['new', 'new/b/c'],
        ['g', '../g'],
        ['nope', 'x'],
      ] as const) {
        await expect(move(from, to, true), `${from} to ${to}`).rejects.toMatchObject({
          code: expect.stringMatching(/conflict|bad_path|file_not_found/),
        })
      }
      await client.storage.makeFolder({ body: { path: 'x/y/z' } })
      expect((await client.storage.list({ path: 'x/y' })).items).toMatchObject([{ path: 'x/y/z', type: 'folder' }])
    })
  })

  test('du tells the largest first, down to a depth', async () => {
    const server = await startTestServer(make)
    const root = await rootOf(server)
    await mkdir(join(root, 'd/small/deep'), { recursive: true })
    await mkdir(join(root, 'd/large'), { recursive: true })
    await writeFile(join(root, 'd/large/a'), randomBytes(400_000))
    await writeFile(join(root, 'd/small/deep/b'), randomBytes(100_000))
    await writeFile(join(root, 'top'), randomBytes(200_000))
    await utimes(join(root, 'top'), 1, 1)
    const one = await server.client.storage.du({})
    expect(one).toMatchObject({ complete: true, total: { path: '', files: 3 } })
    expect(one.items.map(({ path, files }) => [path, files])).toEqual([
      ['d', 2],
      ['top', 1],
    ])
    const two = await server.client.storage.du({ path: 'd', depth: 2 })
    expect(two.items.map(({ path }) => path)).toEqual(['d/large', 'd/large/a', 'd/small', 'd/small/deep'])
    expect((await server.client.storage.du({ depth: 3, limit: 1 })).items.map(({ path }) => path)).toEqual(['d'])
  })
})
