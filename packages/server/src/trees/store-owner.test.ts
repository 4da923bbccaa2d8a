import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../config.ts'
import { startServer } from '../main.ts'
import { eachDatabase } from '../testing/database.ts'
import { aTeam } from '../testing/fixtures.ts'
import { sendChunks, sha256 } from '../testing/made-trees.ts'
import { s3ServerProgram, startS3 } from '../testing/s3.ts'
import { openFolderStore } from '../stores/folder/folder-store.ts'
import { expectNoOwner, ownedStore, ownerKey } from './store-owner.ts'

eachDatabase((make) => {
  test('a store is changed by the server of one database only, until its mark is taken away', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'nabla-owner-'))
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    const store = openFolderStore(dir)
    const [{ db: one }, { db: other }] = [await make(), await make()]
    await expectNoOwner(store)
    await ownedStore(store, one).put('packs/a', Buffer.from('a'))
    await ownedStore(store, one).claim()
    const foreign = ownedStore(store, other)
    const refused = { code: 'store_owned', params: { place: dir } }
    await expect(foreign.claim()).rejects.toMatchObject(refused)
    await expect(foreign.put('packs/b', Buffer.from('b'))).rejects.toMatchObject(refused)
    await expect(foreign.remove('packs/a')).rejects.toMatchObject(refused)
    await expect(expectNoOwner(store)).rejects.toMatchObject(refused)
    expect((await foreign.get('packs/a')).toString()).toBe('a')
    await store.remove(ownerKey)
    await foreign.remove('packs/a')
    await expect(ownedStore(store, one).claim()).rejects.toMatchObject(refused)
  })
})

const program = s3ServerProgram()
const reason = program === undefined ? ' (no S3 server here: run tools/install-s3-server.sh)' : ''
test.skipIf(program === undefined)(
  `a server keeps its packs in a bucket, and no other starts there${reason}`,
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'nabla-owner-'))
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    const s3 = await startS3(program!)
    onTestFinished(() => s3.stop())
    const bucket = s3.newBucket()
    const start = (name: string, prefix: string) => {
      const settings = { data: join(dir, name), port: 0, engines: ['fake'], store: 's3', s3: { ...bucket, prefix } }
      return startServer(loadConfig(settings, {}), { log: pino({ level: 'silent' }) })
    }
    const first = await start('first', 'one/')
    onTestFinished(() => first.close())
    const { chunks, db, store } = first.deps
    const { id } = await aTeam(db)
    const bytes = randomBytes(5000)
    await sendChunks(chunks, id, [bytes])
    expect(await chunks.read(sha256(bytes))).toEqual(bytes)
    expect(store.place).toContain(bucket.bucket)
    await expect(start('second', 'one/')).rejects.toMatchObject({ code: 'store_owned' })
    const second = await start('second', 'two/')
    await second.close()
  },
  60_000,
)
