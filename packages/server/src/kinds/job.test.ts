import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

type Body = Parameters<TestServer['client']['job']['create']>[0]['body']

/** Submits; a second goes by each time, so that the order of jobs is plain. */
async function submit(server: TestServer, body: Partial<Body> = {}) {
  server.clock.advance(1000)
  return server.client.job.create({ body: { command: 'run=1s', project: 'demo', ...body } })
}

const namesOf = (page: { items: readonly { name: string }[] }) => page.items.map((job) => job.name)

eachDatabase((make) => {
  describe('jobs', () => {
    test('have defaults for all but their command and project, and a name that can be said', async () => {
      const server = await startTestServer(make)
      const job = await submit(server)
      expect(job.name).toMatch(/^[a-z]+-[a-z]+-\d\d$/)
      expect(job).toMatchObject({
        project: { name: 'demo' },
        createdBy: { name: 'admin' },
        spec: { image: 'host', workingDir: '/paperspace', artifactsDir: '/artifacts', retries: 0, priority: 50 },
        parentJobId: null,
      })
    })

    test('are found by id, and by name, which means the newest', async () => {
      const server = await startTestServer(make)
      const [first, second] = [await submit(server, { name: 'same' }), await submit(server, { name: 'same' })]
      expect((await server.client.job.show({ job: 'same' })).id).toBe(second.id)
      expect((await server.client.job.show({ job: first.id })).id).toBe(first.id)
      await expect(server.client.job.show({ job: 'other' })).rejects.toMatchObject({ status: 404, code: 'not_found' })
    })

    test('are listed newest first, page by page, and by project, state, tag and beginning of the name', async () => {
      const server = await startTestServer(make)
      await submit(server, { name: 'train-1', tags: ['gpu', 'night'] })
      await submit(server, { name: 'train-2', project: 'other' })
      const failing = await submit(server, { name: 'test-1', command: 'exit=1' })
      await server.untilState(failing.id, 'failed')
      const { list } = server.client.job
      expect(namesOf(await list({}))).toEqual(['test-1', 'train-2', 'train-1'])
      const page = await list({ limit: 2 })
      expect(namesOf(page)).toEqual(['test-1', 'train-2'])
      await submit(server, { name: 'late' })
      expect(namesOf(await list({ limit: 2, after: page.next! }))).toEqual(['train-1'])
      expect(namesOf(await list({ project: 'other' }))).toEqual(['train-2'])
      expect(namesOf(await list({ state: 'failed' }))).toEqual(['test-1'])
      expect(namesOf(await list({ name: 'train' }))).toEqual(['train-2', 'train-1'])
      const tagged = await list({ tag: 'night' })
      expect(namesOf(tagged)).toEqual(['train-1'])
      expect(tagged.items[0]?.tags).toEqual(['gpu', 'night'])
      await expect(list({ project: 'nowhere' })).rejects.toMatchObject({ code: 'not_found' })
      await expect(list({ after: 'nonsense' })).rejects.toMatchObject({ status: 400 })
    })

    test('are cloned whole, but for what is changed, and know where they come from', async () => {
      const server = await startTestServer(make)
      await server.client.secret.set({ name: 'TOKEN', body: { value: 'hidden-value' } })
      const env = { EPOCHS: '5', TOKEN: 'secret:TOKEN' }
      const job = await submit(server, { env, timeLimitSeconds: 60, retries: 2, tags: ['a'] })
      const clone = await server.client.job.clone({ job: job.id, body: { retries: 0, name: 'again' } })
      expect(clone).toMatchObject({ name: 'again', parentJobId: job.id, tags: ['a'], project: job.project })
      expect(clone.spec).toEqual({ ...job.spec, retries: 0 })
      await server.client.secret.delete({ name: 'TOKEN' })
      await expect(server.client.job.clone({ job: job.id, body: {} })).rejects.toMatchObject({ code: 'unknown_secret' })
    })

    test('can be renamed and tagged; their priority counts while they wait', async () => {
      const server = await startTestServer(make, { cpus: 1, memoryBytes: 2 ** 33, gpus: [] })
      const running = await submit(server, { command: 'run=60s' })
      await server.untilState(running.id, 'running')
      const [first, second] = [await submit(server), await submit(server)]
      const body = { name: 'urgent', tags: ['now'], priority: 99 }
      expect(await server.client.job.update({ job: second.id, body })).toMatchObject({ name: 'urgent', tags: ['now'] })
      await server.running().deps.loop.idle()
      expect((await server.client.job.show({ job: second.id })).queue?.position).toBe(1)
      expect((await server.client.job.show({ job: first.id })).queue?.position).toBe(2)
      const late = server.client.job.update({ job: running.id, body: { priority: 1 } })
      await expect(late).rejects.toMatchObject({ status: 409, code: 'conflict' })
    })

    test('are waited for: until the end, a state, or for so long', async () => {
      const server = await startTestServer(make)
      const job = await submit(server, { command: 'run=30s' })
      const begun = server.client.job.wait({ job: job.id, state: 'running', seconds: 60 })
      const done = server.client.job.wait({ job: job.id, seconds: 60 })
      await server.untilState(job.id, 'running')
      expect((await begun).state).toBe('running')
      await server.untilState(job.id, 'succeeded')
      expect((await done).state).toBe('succeeded')
      expect((await server.client.job.wait({ job: job.id, state: 'failed', seconds: 60 })).state).toBe('succeeded')
    })

    test('are refused with what to do next', async () => {
      const server = await startTestServer(make)
      const refused = async (body: object, code: string, message: RegExp) => {
        const answer = submit(server, body)
        await expect(answer).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
        await expect(answer).rejects.toMatchObject({ hint: expect.stringMatching(/\w{3}/) as string })
      }
      await refused({ machineType: 'P9000' }, 'unknown_machine_type', /no machine type P9000.*C1, C2, C4/)
      await refused({ env: { A: 'secret:NONE' } }, 'unknown_secret', /NONE/)
      await refused({ workingDir: '/etc/x' }, 'bad_path', /belongs to the system/)
      await refused({ workingDir: '/' }, 'bad_path', /belongs to the system/)
      await refused({ artifactsDir: '/storage/' }, 'bad_path', /persistent storage/)
      await refused({ artifactsDir: '/paperspace' }, 'bad_path', /working directory/)
      await refused({ workspace: { from: 'git', url: 'file:///etc' } }, 'invalid', /git/)
      await refused({ workspace: { from: 'upload', id: 'vo0000000000000000' } }, 'not_found', /workspace/)
      await refused({ commands: 'x' }, 'invalid', /commands/)
      await refused({ project: 'a/b' }, 'invalid', /./)
      await refused({ env: { 'BAD-NAME': 'x' } }, 'invalid', /BAD-NAME/)
      expect((await server.client.job.list({})).items).toEqual([])
      expect((await server.client.project.list({})).items).toEqual([])
    })

    test('keep no password of their repository where it is shown', async () => {
      const server = await startTestServer(make)
      const workspace = {
        from: 'git' as const,
        url: 'https://git.invalid/x.git',
        username: 'me',
        password: 'hunter2!!',
      }
      const job = await submit(server, { workspace })
      expect(JSON.stringify(job)).not.toContain('hunter2')
      const { db } = server.running().deps
      const rows = [
        await db.selectFrom('jobs').selectAll().execute(),
        await db.selectFrom('volumes').selectAll().execute(),
      ]
      expect(JSON.stringify(rows)).not.toContain('hunter2')
    })
  })

  describe('the log of a job', () => {
    test('is read from the start, from the end, after a line and by source', async () => {
      const server = await startTestServer(make)
      const job = await submit(server, { command: 'print=one print=two print=three' })
      await server.untilState(job.id, 'succeeded')
      const read = async (query: object) => (await server.client.job.logs({ job: job.id, ...query })).items
      expect((await read({})).map((line) => line.text)).toEqual(['one', 'two', 'three'])
      expect((await read({ after: 1, limit: 1 })).map((line) => line.text)).toEqual(['two'])
      expect((await read({ tail: 2 })).map((line) => line.text)).toEqual(['two', 'three'])
      expect(await read({ source: 'stderr' })).toEqual([])
      expect(await read({ since: '2100-01-01T00:00:00Z' })).toEqual([])
      await expect(read({ since: 'tomorrow' })).rejects.toMatchObject({ code: 'invalid' })
      const raw = await server.client.job.downloadLogs({ job: job.id })
      expect(await raw.text()).toBe('one\ntwo\nthree\n')
    })

    test('is followed to its end, and taken up again after a line', async () => {
      const server = await startTestServer(make)
      const job = await submit(server, { command: 'print=one print=two' })
      await server.untilState(job.id, 'succeeded')
      const follow = async (query: object) => {
        const texts: string[] = []
        for await (const { data } of server.client.job.followLogs({ job: job.id, ...query })) texts.push(data.text)
        return texts.join('\n')
      }
      expect(await follow({})).toBe('one\ntwo')
      expect(await follow({ after: 1 })).toBe('two')
      expect(await follow({ since: '2100-01-01T00:00:00Z' })).toBe('')
    })
  })

  describe('artifacts and storage', () => {
    test('an artifact has a checksum once its job has ended, and can be had in part', async () => {
      const server = await startTestServer(make)
      const job = await submit(server)
      await server.untilState(job.id, 'succeeded')
      const { list, get, archive } = server.client.artifact
      expect((await list({ job: job.id })).items).toEqual([])
      await expect(get({ job: job.id, path: 'no.txt' })).rejects.toMatchObject({ code: 'file_not_found' })
      await expect(get({ job: job.id, path: '../nabla.db' })).rejects.toMatchObject({ code: 'bad_path' })
      await expect(archive({ job: job.id, glob: '*.pt' })).rejects.toMatchObject({ code: 'file_not_found' })
    })

    test('what a job left is counted when it has ended', async () => {
      const server = await startTestServer(make)
      const { id } = await submit(server, { command: 'run=60s' })
      await server.untilState(id, 'running')
      const { db, volumes } = server.running().deps
      const { artifactsId } = await db.selectFrom('jobs').select('artifactsId').executeTakeFirstOrThrow()
      writeFileSync(join(volumes.volumeDir(artifactsId), 'model.bin'), Buffer.alloc(10_000))
      await server.untilState(id, 'succeeded')
      await server.running().deps.loop.idle()
      const counted = await server.client.project.delete({ project: 'demo', dryRun: true })
      expect(counted).toMatchObject({ deleted: false, jobs: 1, activeJobs: 0 })
      expect(counted.artifactBytes).toBeGreaterThanOrEqual(10_000)
      const listed = await server.client.artifact.list({ job: id })
      expect(listed.items).toMatchObject([{ path: 'model.bin', type: 'file', sizeBytes: 10_000 }])
      const file = await server.client.artifact.get({ job: id, path: 'model.bin' })
      const digest = createHash('sha256').update(Buffer.alloc(10_000)).digest('base64')
      expect(file.headers.get('repr-digest')).toBe(`sha-256=:${digest}:`)
    })

    test('a stored file comes back as it was sent, whole and in part', async () => {
      const server = await startTestServer(make)
      const { storage } = server.client
      const written = await storage.put({ path: 'data/digits.txt', body: '0123456789' })
      expect(written).toMatchObject({ path: 'data/digits.txt', sizeBytes: 10 })
      expect(await (await storage.get({ path: 'data/digits.txt' })).text()).toBe('0123456789')
      const part = await storage.get({ path: 'data/digits.txt' }, { headers: { range: 'bytes=2-4' } })
      expect([part.status, await part.text()]).toEqual([206, '234'])
      expect(part.headers.get('content-range')).toBe('bytes 2-4/10')
      expect(part.headers.get('content-length')).toBe('3')
      const last = await storage.get({ path: 'data/digits.txt' }, { headers: { range: 'bytes=-3' } })
      expect(await last.text()).toBe('789')
      const wrong = storage.put({ path: 'data/digits.txt', body: 'x', sha256: '0'.repeat(64) })
      await expect(wrong).rejects.toMatchObject({ code: 'checksum_mismatch' })
      expect((await storage.list({ recursive: true })).items.map((entry) => entry.path)).toEqual([
        'data',
        'data/digits.txt',
      ])
      await expect(storage.delete({ path: 'data' })).rejects.toMatchObject({ code: 'conflict' })
      await storage.delete({ path: 'data', recursive: true })
      expect((await storage.list({})).items).toEqual([])
    })
  })
})
