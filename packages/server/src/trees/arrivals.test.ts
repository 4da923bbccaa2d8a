import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { TestClock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { openFolderStore } from '../stores/folder/folder-store.ts'
import { expectAllGone, expectPacksAddUp } from '../testing/chunk-end.ts'
import { eachDatabase, type MakeDatabase } from '../testing/database.ts'
import { aTeam } from '../testing/fixtures.ts'
import { makeTree, readTree, sendChunks, sendTree, sha256 } from '../testing/made-trees.ts'
import { openChunkStore } from './chunk-store.ts'

const { signal } = new AbortController()

eachDatabase((make) => {
  test('chunks that came in great number are there before their rows are, also after a restart', async () => {
    const { database, open, team } = await bench(make)
    const { db } = database
    const chunks = someChunks(limits.arrivedFromChunks)
    const hashes = chunks.map(sha256)
    const first = open()
    expect(await sendChunks(first, team, chunks)).toEqual({ chunks: chunks.length, newChunks: chunks.length })
    expect(await db.selectFrom('chunks').select('hash').execute()).toEqual([])
    const asked = { chunks: [...hashes, sha256(Buffer.from('other'))], segments: [] }
    expect((await first.lacking(team, asked)).chunks).toEqual(asked.chunks.slice(-1))
    expect((await first.lacking((await aTeam(db)).id, asked)).chunks).toEqual(asked.chunks)
    expect((await open().lacking(team, asked)).chunks).toEqual(asked.chunks.slice(-1))
    expect(await db.selectFrom('chunks').select('hash').orderBy('hash').execute()).toEqual(
      hashes.toSorted().map((hash) => ({ hash })),
    )
    await expectPacksAddUp(database)
    // The first one still thinks that it has them to write.
    expect(await sendChunks(first, team, chunks)).toMatchObject({ newChunks: 0 })
    for (const chunk of chunks) expect(await first.read(sha256(chunk))).toEqual(chunk)
  })

  test('what two teams send to two servers has one place in the end, and what is twice goes', async () => {
    const { database, clock, open, store, team } = await bench(make)
    const other = (await aTeam(database.db)).id
    const files = Object.fromEntries(someChunks(200).map((bytes, n) => [`file-${n}`, bytes]))
    const tree = makeTree(files)
    const [one, two] = [open(), open()]
    // What was noted before is settled at the first use.
    for (const server of [one, two]) await server.lacking(team, { chunks: [], segments: [] })
    await sendChunks(one, team, tree.chunks.values())
    await sendChunks(two, other, tree.chunks.values())
    expect(await database.db.selectFrom('packs').select('id').execute()).toHaveLength(2)
    await Promise.all([one.commit(team, tree.digest), two.commit(other, tree.digest)])
    await expectPacksAddUp(database)
    expect(await readTree(one, tree.digest)).toEqual(
      new Map(Object.entries(files).map(([path, bytes]) => [path, sha256(bytes)])),
    )
    const live = await database.db.selectFrom('packs').select('liveBytes').where('liveBytes', '>', 0).execute()
    expect(live).toHaveLength(1)
    await expectAllGone(database, store, clock, one)
  })

  test('rows are written before what the server remembers of them can be wrong, and before there are too many', async () => {
    const { database, clock, open, team } = await bench(make)
    const { db } = database
    const rows = async () => (await db.selectFrom('chunks').select('hash').execute()).length
    const chunks = open()
    await sendChunks(chunks, team, someChunks(100))
    expect(await rows()).toBe(0)
    clock.advance(limits.arrivedMs + 1)
    await chunks.lacking(team, { chunks: [], segments: [] })
    expect(await rows()).toBe(100)
    const parcels = Math.ceil(limits.arrivedChunks / limits.arrivedToChunks)
    for (let sent = 0; sent < parcels; sent++) await sendChunks(chunks, team, someChunks(limits.arrivedToChunks, 8))
    expect(await rows()).toBe(100 + parcels * limits.arrivedToChunks)
  })

  test('a tree that is sent in many parcels is whole', async () => {
    const { database, clock, open, store, team } = await bench(make)
    const chunks = open()
    const tree = makeTree(Object.fromEntries(someChunks(500).map((bytes, n) => [`file-${n}`, bytes])))
    await sendTree(chunks, team, tree)
    expect((await readTree(chunks, tree.digest)).size).toBe(500)
    await chunks.collect(signal)
    expect((await chunks.fsck(signal).next()).done).toBe(false)
    await expectPacksAddUp(database)
    await expectAllGone(database, store, clock, chunks)
  })
})

const someChunks = (count: number, bytes = 50): Buffer[] => Array.from({ length: count }, () => randomBytes(bytes))

async function bench(make: MakeDatabase) {
  const dir = mkdtempSync(join(tmpdir(), 'nabla-arrivals-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const database = await make()
  const clock = new TestClock()
  const store = openFolderStore(dir)
  const team = (await aTeam(database.db)).id
  return { database, clock, store, team, open: () => openChunkStore({ db: database.db, store, clock }) }
}
