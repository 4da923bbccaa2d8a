import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { WorkspaceSource } from '@nabla/api/workspace'
import { describe, expect, test } from 'vitest'
import { limits } from '../lib/limits.ts'
import { eachDatabase } from '../testing/database.ts'
import { aCaller } from '../testing/fixtures.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'
import { makeTar } from '../volumes/archive-bytes.ts'
import { readTar } from '../volumes/tar-reader.ts'
import { ByteReader } from '../volumes/byte-reader.ts'

const files = { 'train.py': 'print(1)\n', 'src/model.py': 'pass\n', 'src/deep/er.py': 'pass\n', 'run.sh': 'true\n' }

const archiveOf = (given: Record<string, string>) => {
  const members = Object.entries(given).map(([path, content]) => ({
    path,
    content,
    ...(path.endsWith('.sh') ? { mode: 0o755 } : {}),
  }))
  return new Uint8Array(makeTar(members))
}

/** Where the sources of what is mounted are, as the engine was told. */
function sourceOf(server: TestServer, taskOf: string): string {
  const spec = server.fake.specs.find((spec) => spec.env['NABLA_JOB_ID'] === taskOf)
  return spec?.mounts.find((mount) => mount.mode === 'copy')?.source ?? ''
}

eachDatabase((make) => {
  describe('a workspace', () => {
    test('that is uploaded twice is kept once, by content, and its job starts from it', async () => {
      const server = await startTestServer(make)
      const { client } = server
      const first = await client.workspace.upload({ body: archiveOf(files) })
      expect(first).toMatchObject({ files: 4, sizeBytes: 24 })
      expect(await client.workspace.upload({ body: archiveOf(files) })).toEqual(first)
      const { trees } = server.running().deps
      expect(trees.figures()).toMatchObject({ trees: 1 })
      const job = await client.job.create({
        body: { project: 'p', command: 'run=1s', workspace: { from: 'upload', id: first.id } },
      })
      await server.untilState(job.id, 'running')
      expect(job.workspace).toMatchObject({ id: first.id, digest: first.digest, files: 4 })
      const source = sourceOf(server, job.id)
      expect(readFileSync(join(source, 'src/deep/er.py'), 'utf8')).toBe('pass\n')
      const staged = readdirSync(server.running().deps.volumes.stagingDir(), { recursive: true })
      expect(staged).toEqual([])
    })

    test('is made of a tree of the team, once', async () => {
      const server = await startTestServer(make)
      const { client, clock } = server
      const { digest, id } = await client.workspace.upload({ body: archiveOf(files) })
      expect(await client.tree.commit({ body: { digest } })).toMatchObject({ files: 4 })
      const made = await client.workspace.fromTree({ body: { digest } })
      expect(made).toMatchObject({ id, digest, files: 4, sizeBytes: 24 })
      clock.advance(limits.workspaceTouchMs + 1)
      const later = await client.workspace.fromTree({ body: { digest } })
      expect(later.id).toBe(id)
      expect(later.createdAt > made.createdAt).toBe(true)
      const other = await aCaller(server.running().deps.db)
      const theirs = server.clientFor(other.secret).workspace.fromTree({ body: { digest } })
      await expect(theirs).rejects.toMatchObject({ status: 404, code: 'not_found' })
    })

    test('that no job uses goes after a day, and then its tree', async () => {
      const server = await startTestServer(make)
      const { client, clock } = server
      const { digest } = await client.workspace.upload({ body: archiveOf(files) })
      const { db, chunks } = server.running().deps
      clock.advance(limits.unusedWorkspaceMs + limits.sweepMs + 1)
      await expect
        .poll(
          async () => (await db.selectFrom('volumes').selectAll().where('treeDigest', '=', digest).execute()).length,
        )
        .toBe(0)
      clock.advance(limits.unusedTreeMs + 1)
      await chunks.collect(AbortSignal.any([]))
      expect(await db.selectFrom('trees').selectAll().execute()).toEqual([])
    })

    test('whose chunk is damaged ends its job with the file and the chunk', async () => {
      const server = await startTestServer(make)
      const { client } = server
      const { id, digest } = await client.workspace.upload({ body: archiveOf(files) })
      const { config } = server.running()
      await server.restart()
      rmSync(join(config.data, 'cache/trees', digest), { recursive: true, force: true })
      for (const entry of readdirSync(join(config.data, 'objects'), { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name)
        if (entry.isFile()) chmodSync(path, 0o644)
        if (entry.isFile()) damage(path)
      }
      const job = await server.client.job.create({
        body: { project: 'p', command: 'run=1s', workspace: { from: 'upload', id } },
      })
      const ended = await server.untilState(job.id, 'error')
      expect(ended.reason).toMatch(/^A part of .+ is damaged on the disk of the server: chunk [0-9a-f]{64}/)
    })
  })

  describe('the files that a job began with', () => {
    test('are listed and sent, whole or in part, and packed', async () => {
      const server = await startTestServer(make)
      const { client } = server
      const { id } = await client.workspace.upload({ body: archiveOf(files) })
      const { id: job } = await client.job.create({
        body: { project: 'p', command: 'run=1s', workspace: { from: 'upload', id } },
      })
      const names = async (query: object) =>
        (await client.workspace.list({ job, ...query })).items.map(({ path }) => path)
      expect(await names({})).toEqual(['run.sh', 'src', 'train.py'])
      expect(await names({ path: 'src' })).toEqual(['src/deep', 'src/model.py'])
      expect(await names({ glob: '*.py' })).toEqual(['src/deep/er.py', 'src/model.py', 'train.py'])
      expect(await (await client.workspace.get({ job, path: 'train.py' })).text()).toBe('print(1)\n')
      const part = await client.workspace.get({ job, path: 'train.py' }, { headers: { range: 'bytes=0-4' } })
      expect([part.status, await part.text()]).toEqual([206, 'print'])
      await expect(client.workspace.get({ job, path: 'nothing' })).rejects.toMatchObject({ code: 'file_not_found' })
      expect(await membersOf(await client.workspace.archive({ job }))).toEqual({
        'run.sh*': 'true\n',
        'src/': '',
        'src/deep/': '',
        'src/deep/er.py': 'pass\n',
        'src/model.py': 'pass\n',
        'train.py': 'print(1)\n',
      })
      expect(Object.keys(await membersOf(await client.workspace.archive({ job, path: 'src/deep' })))).toEqual([
        'src/deep/',
        'src/deep/er.py',
      ])
      expect(Object.keys(await membersOf(await client.workspace.archive({ job, glob: '**/er.py' })))).toEqual([
        'src/deep/er.py',
      ])
      expect((await client.workspace.archive({ job, format: 'zip' })).ok).toBe(true)
    })

    test('are none if it began with none', async () => {
      const { client } = await startTestServer(make)
      const { id: job } = await client.job.create({
        body: { project: 'p', command: 'run=1s', workspace: { from: 'nothing' } },
      })
      expect(await client.workspace.list({ job })).toEqual({ items: [], next: null })
      await expect(client.workspace.get({ job, path: 'x' })).rejects.toMatchObject({ code: 'file_not_found' })
      await expect(client.workspace.archive({ job })).rejects.toMatchObject({ code: 'file_not_found' })
    })

    test('of a repository are there once they were fetched', async () => {
      const server = await startTestServer(make)
      const { client } = server
      const workspace = { from: 'git' as const, url: 'http://127.0.0.1:1/repository' }
      const body = { project: 'p', command: 'run=1s', workspace }
      const job = await client.job.create({ body })
      await expect(client.workspace.list({ job: job.id })).rejects.toMatchObject({ code: 'conflict' })
      const { db, volumes } = server.running().deps
      const { id = '' } = job.workspace ?? {}
      mkdirSync(volumes.volumeDir(id ?? ''), { recursive: true })
      writeFileSync(join(volumes.volumeDir(id ?? ''), 'main.py'), 'pass')
      await db.updateTable('volumes').set({ digest: 'fetched' }).where('id', '=', id).execute()
      expect((await client.workspace.list({ job: job.id })).items).toMatchObject([{ path: 'main.py', sizeBytes: 4 }])
    })

    test('of two jobs are compared file by file, wherever they came from', async () => {
      const server = await startTestServer(make)
      const { client } = server
      const aJob = async (workspace: WorkspaceSource) =>
        (await client.job.create({ body: { project: 'p', command: 'run=1s', workspace } })).id
      const uploaded = async (given: Record<string, string>) => {
        const { id } = await client.workspace.upload({ body: archiveOf(given) })
        return aJob({ from: 'upload', id })
      }
      const before = await uploaded(files)
      const { 'run.sh': _, ...rest } = files
      const after = await uploaded({ ...rest, 'train.py': 'print(2)\n', 'new.py': '' })
      const changes = [
        { path: 'new.py', change: 'added', sizeBytes: 0, sizeBytesBefore: null },
        { path: 'run.sh', change: 'removed', sizeBytes: null, sizeBytesBefore: 5 },
        { path: 'train.py', change: 'changed', sizeBytes: 9, sizeBytesBefore: 9 },
      ]
      const compare = (job: string, fromJob: string, limit?: number) =>
        client.workspace.compare({ job, fromJob, ...(limit !== undefined && { limit }) })
      expect(await compare(after, before)).toEqual({ items: changes, complete: true })
      expect(await compare(after, before, 2)).toEqual({ items: changes.slice(0, 2), complete: false })
      expect(await compare(before, before)).toEqual({ items: [], complete: true })

      const without = await aJob({ from: 'nothing' })
      expect((await compare(without, before)).items.map(({ change }) => change)).toEqual(ofEach('removed'))
      expect((await compare(before, without)).items.map(({ change }) => change)).toEqual(ofEach('added'))
      expect(await compare(without, without)).toEqual({ items: [], complete: true })

      const fetched = await client.job.create({
        body: { project: 'p', command: 'run=1s', workspace: { from: 'git', url: 'http://127.0.0.1:1/repository' } },
      })
      await expect(compare(fetched.id, before)).rejects.toMatchObject({ code: 'conflict' })
      const { db, volumes } = server.running().deps
      const { id } = fetched.workspace ?? {}
      const folder = volumes.volumeDir(id ?? '')
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'train.py'), files['train.py'])
      await db
        .updateTable('volumes')
        .set({ digest: 'fetched' })
        .where('id', '=', id ?? '')
        .execute()
      expect((await compare(fetched.id, before)).items.map(({ path }) => path)).toEqual([
        'run.sh',
        'src/deep/er.py',
        'src/model.py',
      ])
    })
  })
})

const ofEach = (change: string): string[] => Object.keys(files).map(() => change)

/** Spoils the bytes of chunks and leaves the heads of frames as they are. */
function damage(path: string): void {
  const bytes = readFileSync(path)
  for (let at = 40; at < bytes.length; at += 41) bytes[at] = (bytes[at] ?? 0) ^ 0xff
  writeFileSync(path, bytes)
}

/** Content by path; folders end in `/`, executable files in `*`. */
async function membersOf(response: Response): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  const source = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0])
  for await (const member of readTar(new ByteReader(source))) {
    const bytes: Buffer[] = []
    for await (const chunk of member.content) bytes.push(chunk)
    const mark = member.type === 'file' && member.executable ? '*' : ''
    found[`${member.path.toString()}${mark}`] = Buffer.concat(bytes).toString()
  }
  return found
}
