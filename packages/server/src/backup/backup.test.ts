import { createHash, randomBytes } from 'node:crypto'
import {
  glob,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createClient } from '@nabla/api/client'
import pino from 'pino'
import { beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest'
import { type Config, loadConfig } from '../config.ts'
import { openDatabase } from '../db/open.ts'
import { systemClock, TestClock, toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { startServer } from '../main.ts'
import { openFolderStore } from '../stores/folder/folder-store.ts'
import { openStore } from '../stores/index.ts'
import { openS3Store } from '../stores/s3/s3-store.ts'
import type { ObjectStore } from '../stores/store.ts'
import { eachDatabase, makeBlankPostgres, type TestDatabase } from '../testing/database.ts'
import { s3ServerProgram, startS3 } from '../testing/s3.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'
import { packKey } from '../trees/packs.ts'
import { type BackupOptions, backUp } from './backup.ts'
import { checkBackup } from './check.ts'
import { blobKey } from './format.ts'
import { needManifest } from './manifest.ts'
import { prune } from './prune.ts'
import { restore } from './restore.ts'

let dir: string
beforeEach(async () => {
  const made = await mkdtemp(join(tmpdir(), 'nabla-backup-'))
  dir = made
  // Declared first, so it comes last: the servers have been closed by then.
  onTestFinished(() => rm(made, { recursive: true, force: true }))
})

const never = new AbortController().signal
const place = (): string => join(dir, 'backup')

const backUpTo = (server: TestServer, target: ObjectStore, more: Partial<BackupOptions> = {}) => {
  const { config, store } = server.running().deps
  return backUp({ config, source: store, target, clock: systemClock, signal: never, ...more })
}

const restoreTo = (from: ObjectStore, config: Config) =>
  restore({ config, from, openTarget: (data) => openStore({ ...config, data }, systemClock), signal: never })

/** A server with something of everything; answers with the ids of its packs. */
async function fill(server: TestServer): Promise<string[]> {
  const { client } = server
  const job = await client.job.create({ body: { command: 'run=1s', project: 'demo', tags: ['old'], env: { A: 'ä' } } })
  await server.untilState(job.id, 'succeeded')
  await client.secret.set({ name: 'TOKEN', body: { value: 'hush' } })
  await client.team.create({ body: { name: 'other' } })
  for (const path of ['a.txt', 'deep/er/b.txt', 'ünï.txt'])
    await client.storage.put({ path, body: `content of ${path}` })
  await client.storage.put({ path: 'large.bin', body: randomBytes(20_000_000) })
  const { db, volumes, store } = server.running().deps
  const { artifactsId } = await db.selectFrom('jobs').select('artifactsId').executeTakeFirstOrThrow()
  const folder = volumes.volumeDir(artifactsId)
  await mkdir(join(folder, 'empty'), { recursive: true })
  await writeFile(join(folder, 'model.pt'), randomBytes(5_000_000), { mode: 0o751 })
  await writeFile(Buffer.from(`${folder}/\xff\xfe`, 'latin1'), 'a name that is not UTF-8')
  await symlink('model.pt', join(folder, 'latest'))
  await utimes(join(folder, 'model.pt'), 1_700_000_000.5, 1_700_000_000.5)
  const packs = Array.from({ length: 5 }, () => randomBytes(12).toString('hex'))
  for (const id of packs) {
    await store.put(packKey(id), randomBytes(100_000))
    const row = { id, sizeBytes: 100_000, liveBytes: 0, createdAt: toIso(systemClock.now()), doomedAt: null }
    await db.insertInto('packs').values(row).execute()
  }
  return packs
}

/** What the API answers about things that nothing changes any more. */
async function answersOf(client: TestServer['client'], jobs: readonly string[]): Promise<unknown> {
  const texts = ['a.txt', 'deep/er/b.txt', 'ünï.txt'].map(async (path) => (await client.storage.get({ path })).text())
  const bytes = Buffer.from(await (await client.storage.get({ path: 'large.bin' })).arrayBuffer())
  return {
    me: await client.user.me(),
    teams: await client.team.list({}),
    users: await client.user.list({}),
    secrets: await client.secret.list({}),
    project: await client.project.show({ project: 'demo' }),
    jobs: await Promise.all(jobs.map((job) => client.job.show({ job }))),
    artifacts: await Promise.all(jobs.map((job) => client.artifact.list({ job }))),
    logs: await Promise.all(jobs.map(async (job) => (await client.job.downloadLogs({ job })).text())),
    texts: await Promise.all(texts),
    large: createHash('sha256').update(bytes).digest('hex'),
  }
}

/** Starts a server of what was restored, and asks it the same. */
async function startRestored(config: Config, key: string) {
  const server = await startServer(config, { clock: new TestClock(), log: pino({ level: 'silent' }) })
  onTestFinished(() => server.close())
  return { server, client: createClient({ url: server.url, key }) }
}

const configFor = (database: string): Config =>
  loadConfig({ data: join(dir, 'restored'), database, port: 0, engines: ['fake'] }, {})

const hasPostgres = inject('postgresStarter') !== null

eachDatabase((make) => {
  test.each(hasPostgres ? ['SQLite', 'PostgreSQL'] : ['SQLite'])(
    'a busy server is restored into %s with all it had',
    async (to) => {
      const server = await startTestServer(make)
      const packs = await fill(server)
      const jobs = (await server.client.job.list({})).items.map(({ id }) => id)
      const before = await answersOf(server.client, jobs)
      let writing = true
      let written = 0
      const load = (async () => {
        for (let n = 0; writing; n++, written++) {
          await server.client.storage.put({ path: `busy/${n % 50}`, body: randomBytes(n % 5000) })
          const { id } = await server.client.job.create({ body: { command: 'run=1000s', project: 'busy' } })
          if (n % 3 === 0) await server.client.job.stop({ job: id, body: {} })
        }
      })()
      const target = openFolderStore(place())
      await expect.poll(() => written, { timeout: 60_000 }).toBeGreaterThan(5)
      const report = await backUpTo(server, target, { settings: 'port: 1\n' })
      writing = false
      await load
      expect(report).toMatchObject({ packs: 5, leftOut: 0 })
      expect(await checkBackup(target, never)).toMatchObject({ damaged: [] })

      const config = configFor(to === 'SQLite' ? 'sqlite' : (await makeBlankPostgres())!)
      expect(await restoreTo(target, config)).toMatchObject({ packs: 5, settings: 'port: 1\n' })
      const { server: restored, client } = await startRestored(config, server.key)
      expect(await answersOf(client, jobs)).toEqual(before)
      const { deps } = restored
      for (const id of packs) {
        const [there, here] = await Promise.all(
          [server.running().deps.store, deps.store].map((s) => s.get(packKey(id))),
        )
        expect(here?.equals(there!)).toBe(true)
      }
      await expectSameFiles(server, deps.volumes.volumeDir, jobs[0]!)
      const { sealed, teamId } = await deps.db.selectFrom('secrets').selectAll().executeTakeFirstOrThrow()
      expect(teamId).toMatch(/^te/)
      expect(sealed).not.toContain('hush')
      expect(await readFile(join(config.data, 'secret.key'))).toEqual(
        await readFile(join(server.running().config.data, 'secret.key')),
      )
      // It goes on: what comes next does not meet what was there.
      const next = await client.job.create({ body: { command: 'run=1s', project: 'demo' } })
      expect(jobs).not.toContain(next.id)
    },
    90_000,
  )
})

describe('a backup', () => {
  /** A server on SQLite with something in it. */
  async function aServer(): Promise<TestServer> {
    const data = await mkdtemp(join(tmpdir(), 'nabla-backup-'))
    return startTestServer(async () => ({ config: { data, database: 'sqlite' } }) as TestDatabase)
  }

  test('copies only what is new the next time', async () => {
    const server = await aServer()
    await fill(server)
    const target = openFolderStore(place())
    const first = await backUpTo(server, target)
    expect(first.newBytes).toBeGreaterThan(25_000_000)
    await server.client.storage.put({ path: 'new.bin', body: randomBytes(2_000_000) })
    const second = await backUpTo(server, target)
    expect(second.newBytes).toBeGreaterThan(2_000_000)
    expect(second.newBytes).toBeLessThan(2_500_000)
    expect(second.files).toBe(first.files + 1)
    expect(await checkBackup(target, never)).toMatchObject({ damaged: [] })
    const config = configFor('sqlite')
    await restoreTo(target, config)
    const { client } = await startRestored(config, server.key)
    expect((await client.storage.list({})).items.map(({ path }) => path)).toContain('new.bin')
  })

  test('of several, the newest are kept, with all that they need and nothing else', async () => {
    const server = await aServer()
    const target = openFolderStore(place())
    const options = { target, clock: systemClock, signal: never }
    for (let round = 0; round < 3; round++) {
      await server.client.storage.put({ path: 'kept.bin', body: Buffer.alloc(2_000_000, 'kept') })
      await server.client.storage.put({ path: 'changed.bin', body: randomBytes(2_000_000) })
      await backUpTo(server, target)
    }
    await target.put('blobs/left-by-one-that-was-broken-off', Buffer.from('x'))
    expect(await prune(options, 5)).toMatchObject({ backups: 0, keptBackups: 3, objects: 1, freedBytes: 1 })
    const report = await prune(options, 1)
    expect(report).toMatchObject({ backups: 2, keptBackups: 1 })
    expect(report.freedBytes).toBeGreaterThan(4_000_000)
    expect(await prune(options, 1)).toMatchObject({ backups: 0, objects: 0 })
    expect(await checkBackup(target, never)).toMatchObject({ damaged: [] })
    const before = Buffer.from(await (await server.client.storage.get({ path: 'changed.bin' })).arrayBuffer())
    const config = configFor('sqlite')
    await restoreTo(target, config)
    const { client } = await startRestored(config, server.key)
    const after = Buffer.from(await (await client.storage.get({ path: 'changed.bin' })).arrayBuffer())
    expect(after.equals(before)).toBe(true)
  })

  test('nothing is deleted while another backup is made, nor begun while old ones are deleted', async () => {
    const server = await aServer()
    const target = openFolderStore(place())
    const clock = new TestClock(Date.now())
    await backUpTo(server, target)
    await target.put('working/copy-another', Buffer.from(''))
    await expect(prune({ target, clock, signal: never }, 1)).rejects.toMatchObject({ code: 'busy' })
    await backUpTo(server, target)
    clock.advance(limits.backupClaimMs + 60_000)
    expect(await prune({ target, clock, signal: never }, 1)).toMatchObject({ backups: 1 })
    await target.put('working/prune-another', Buffer.from(''))
    await expect(backUpTo(server, target)).rejects.toMatchObject({ code: 'busy' })
    await target.remove('working/prune-another')
    await backUpTo(server, target)
  })

  test('that is broken off at any point is none, and the next goes on from there', async () => {
    const server = await aServer()
    await fill(server)
    const folder = openFolderStore(place())
    let attempts = 0
    // Each attempt says first that it is one, and stores one thing more.
    const upTo = (most: number): ObjectStore => {
      let puts = 0
      const put: ObjectStore['put'] = (key, bytes, signal) =>
        puts++ < most ? folder.put(key, bytes, signal) : Promise.reject(new Error('cut'))
      return { ...folder, put }
    }
    for (; attempts < 20; attempts++) {
      const error = await backUpTo(server, upTo(2)).catch((error: unknown) => error)
      if (!(error instanceof Error)) break
      expect(error.message).toBe('cut')
      await expect(checkBackup(folder, never)).rejects.toMatchObject({ code: 'no_backup' })
      await expect(restoreTo(folder, configFor('sqlite'))).rejects.toMatchObject({ code: 'no_backup' })
    }
    expect(attempts).toBeGreaterThan(5)
    expect(attempts).toBeLessThan(20)
    expect(await checkBackup(folder, never)).toMatchObject({ damaged: [] })
  })

  test('looks again when a pack goes while it is under way', async () => {
    const server = await aServer()
    const [gone, ...others] = await fill(server)
    const { db, store } = server.running().deps
    let asked = 0
    const source: ObjectStore = {
      ...store,
      async get(key, range, signal) {
        if (asked++ === 0) {
          await db.deleteFrom('packs').where('id', '=', gone!).execute()
          await store.remove(packKey(gone!))
        }
        return store.get(key, range, signal)
      },
    }
    expect(await backUpTo(server, openFolderStore(place()), { source })).toMatchObject({ packs: others.length })
  })

  test('is refused when packs are missing for good', async () => {
    const server = await aServer()
    const [gone] = await fill(server)
    await server.running().deps.store.remove(packKey(gone!))
    const target = openFolderStore(place())
    await expect(backUpTo(server, target)).rejects.toMatchObject({ code: 'backup_unusable' })
    await expect(checkBackup(target, never)).rejects.toMatchObject({ code: 'no_backup' })
  })

  test('tells each object that was damaged, and what that affects', async () => {
    const server = await aServer()
    await fill(server)
    const target = openFolderStore(place())
    await backUpTo(server, target)
    const damage = async (key: string, change: (path: string) => Promise<unknown>): Promise<string> => {
      for await (const found of glob(`**/${basename(key)}`, { cwd: place() })) await change(join(place(), found))
      return key
    }
    const packs: string[] = []
    for await (const { key } of target.list('packs/')) packs.push(key)
    // Not the list of packs: without it, nobody knows what is to be in them.
    const { rows } = (await needManifest(target, never)).manifest
    const flipped = await damage(packs[0] ?? '', async (path) => {
      const bytes = await readFile(path)
      bytes[bytes.length >> 1]! ^= 1
      await writeFile(path, bytes)
    })
    const missing = await damage(blobKey(rows.parts[0]?.[0] ?? ''), unlink)
    const { damaged } = await checkBackup(target, never)
    expect(damaged.map(({ key, reason }) => [key, reason]).toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1))).toEqual([
      [missing, 'it is missing'],
      [flipped, 'its content has changed'],
    ])
    expect(damaged.every(({ affects }) => affects.length > 0)).toBe(true)
    const config = configFor('sqlite')
    await expect(restoreTo(target, config)).rejects.toMatchObject({ code: 'backup_damaged' })
    await expect(stat(config.data)).rejects.toThrow('ENOENT')
  })

  test('brings back trees of files by content', async () => {
    const server = await aServer()
    await fill(server)
    const { db, trees } = server.running().deps
    const { id: teamId } = await db.selectFrom('teams').select('id').executeTakeFirstOrThrow()
    const folder = join(dir, 'tree')
    await mkdir(join(folder, 'deep'), { recursive: true })
    await writeFile(join(folder, 'deep', 'data.bin'), randomBytes(3_000_000))
    const { digest } = (await trees.ingest(teamId, folder, never)).tree
    const target = openFolderStore(place())
    expect((await backUpTo(server, target)).packs).toBeGreaterThan(5)
    const config = configFor('sqlite')
    await restoreTo(target, config)
    const { server: restored } = await startRestored(config, server.key)
    const made = await restored.deps.trees.materialise(digest, never)
    const [there, here] = await Promise.all([folder, made].map((path) => readFile(join(path, 'deep', 'data.bin'))))
    expect(here?.equals(there!)).toBe(true)
    const checking = restored.deps.chunks.fsck(never)
    let step = await checking.next()
    while (!step.done) step = await checking.next()
    expect(step.value).toMatchObject({ missingObjects: [], damagedChunks: [] })
  })

  test('is not restored over anything', async () => {
    const server = await aServer()
    await fill(server)
    const target = openFolderStore(place())
    await backUpTo(server, target)
    const config = configFor('sqlite')
    await mkdir(config.data)
    await writeFile(join(config.data, 'mine'), '')
    await expect(restoreTo(target, config)).rejects.toMatchObject({ code: 'not_empty' })
    expect(await readdir(config.data)).toEqual(['mine'])
    const used = await makeBlankPostgres()
    if (used === null) return
    await (await openDatabase({ data: '', database: used })).close()
    const other = { ...configFor(used), data: join(dir, 'other') }
    await expect(restoreTo(target, other)).rejects.toMatchObject({ code: 'not_empty' })
  })

  const program = s3ServerProgram()
  const reason = program === undefined ? ' (no S3 server here: run tools/install-s3-server.sh)' : ''
  test.skipIf(program === undefined)(`goes into a bucket and comes back${reason}`, async () => {
    const s3 = await startS3(program!)
    onTestFinished(() => s3.stop())
    const server = await aServer()
    await fill(server)
    const jobs = (await server.client.job.list({})).items.map(({ id }) => id)
    const target = openS3Store({ ...s3.newBucket(), prefix: 'backups/' }, systemClock)
    await backUpTo(server, target)
    const { newBytes } = await backUpTo(server, target)
    expect(newBytes).toBeLessThan(100_000)
    const config = configFor('sqlite')
    await restoreTo(target, config)
    const { client } = await startRestored(config, server.key)
    expect(await answersOf(client, jobs)).toEqual(await answersOf(server.client, jobs))
  })
})

async function expectSameFiles(server: TestServer, restoredDir: (id: string) => string, job: string): Promise<void> {
  const { db, volumes } = server.running().deps
  const { artifactsId } = await db
    .selectFrom('jobs')
    .select('artifactsId')
    .where('id', '=', job)
    .executeTakeFirstOrThrow()
  const [there, here] = [volumes.volumeDir(artifactsId), restoredDir(artifactsId)]
  const namesIn = async (path: string) =>
    (await readdir(path, { encoding: 'buffer' })).map((name) => name.toString('hex'))
  expect((await namesIn(here)).toSorted()).toEqual((await namesIn(there)).toSorted())
  const [a, b] = [await stat(join(there, 'model.pt')), await stat(join(here, 'model.pt'))]
  expect([b.mode, b.size, b.mtimeMs, b.uid]).toEqual([a.mode, a.size, a.mtimeMs, a.uid])
  expect(await readlink(join(here, 'latest'))).toBe('model.pt')
  expect((await readFile(join(here, 'model.pt'))).equals(await readFile(join(there, 'model.pt')))).toBe(true)
}
