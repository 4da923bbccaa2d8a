import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { TestClock, toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { openFolderStore } from '../stores/folder/folder-store.ts'
import type { ObjectStore } from '../stores/store.ts'
import { expectAllGone, expectPacksAddUp } from '../testing/chunk-end.ts'
import { eachDatabase, type MakeDatabase } from '../testing/database.ts'
import { aTeam, aVolume } from '../testing/fixtures.ts'
import { makeTree, readTree, sendChunks, sendTree, sha256 } from '../testing/made-trees.ts'
import { openChunkStore } from './chunk-store.ts'
import { deleteChunks } from './sweep-chunks.ts'

const { signal } = new AbortController()

/** Moments that a race meets too seldom, brought about one by one. */
eachDatabase((make) => {
  test('a chunk of another team that is deleted while it is sent is stored anew', async () => {
    const { chunks, store, clock, database, team } = await bench(make)
    const [old, fresh] = [Buffer.from('of both teams'), Buffer.from('of the second alone')]
    await sendChunks(chunks, team, [old])
    clock.advance(limits.chunkHoldMs + 1)
    const second = (await aTeam(database.db)).id
    store.beforePut = async () => {
      store.beforePut = undefined
      expect(await chunks.collect(signal)).toMatchObject({ chunks: 1 })
    }
    expect(await sendChunks(chunks, second, [old, fresh])).toEqual({ chunks: 2, newChunks: 2 })
    expect(await chunks.read(sha256(old))).toEqual(old)
    expect(await chunks.read(sha256(fresh))).toEqual(fresh)
    await expectPacksAddUp(database)
    await expectAllGone(database, store, clock, chunks)
  })

  test('a chunk that is asked for while it is being deleted stays, or is said to be lacking', async () => {
    const { chunks, store, clock, database, team } = await bench(make)
    const { db } = database
    const chunk = Buffer.from('asked for in the last moment')
    const hash = sha256(chunk)
    await sendChunks(chunks, team, [chunk])
    clock.advance(limits.chunkHoldMs + 1)
    let asked: Promise<{ hash: string }[]> = Promise.resolve([])
    // Asked after the page has been read on which the chunk is old, and before it is deleted.
    const between = {
      throwIfAborted() {
        const usedAt = toIso(clock.now())
        asked = db.updateTable('teamChunks').set({ usedAt }).where('hash', '=', hash).returning('hash').execute()
      },
    } as unknown as AbortSignal
    await deleteChunks({ db, store, clock }, toIso(clock.now() - limits.chunkHoldMs), new Set(), between)
    const { chunks: lacking } = await chunks.lacking(team, { chunks: [hash], segments: [] })
    expect(lacking).toEqual((await asked).length === 0 ? [hash] : [])
    if (lacking.length === 0) expect(await chunks.read(hash)).toEqual(chunk)
  })

  test('a pack whose rows come very late is written once more', async () => {
    const { chunks, store, clock, database, team } = await bench(make)
    store.afterPut = async () => {
      store.afterPut = undefined
      clock.advance(limits.strayPackMs + 1)
      expect(await chunks.collect(signal)).toMatchObject({ extraObjects: 1 })
    }
    const chunk = Buffer.from('on a machine that slept')
    await sendChunks(chunks, team, [chunk])
    expect(await chunks.read(sha256(chunk))).toEqual(chunk)
    await expectAllGone(database, store, clock, chunks)
  })

  test('whoever reads while chunks move to another pack finds them', async () => {
    const { chunks, store, clock, database, team } = await bench(make)
    const trees = Array.from({ length: limits.smallPacks + 1 }, (_, n) => makeTree({ [`file-${n}`]: `content ${n}` }))
    for (const { digest, ...tree } of trees) {
      await sendTree(chunks, team, { digest, ...tree })
      await aVolume(database.db, { teamId: team, purpose: 'test', treeDigest: digest })
    }
    const last = trees.at(-1)!
    clock.advance(limits.doomedPackMs + 1)
    store.beforeGet = async () => {
      store.beforeGet = undefined
      await chunks.collect(signal)
      clock.advance(limits.doomedPackMs + 1)
      expect(await chunks.collect(signal)).toMatchObject({ packs: trees.length })
    }
    expect((await readTree(chunks, last.digest)).get(`file-${limits.smallPacks}`)).toBe(
      sha256(Buffer.from(`content ${limits.smallPacks}`)),
    )
    expect(await database.db.selectFrom('packs').select('id').execute()).toHaveLength(1)
    for (const { digest } of trees) expect((await readTree(chunks, digest)).size).toBe(1)
    await expectPacksAddUp(database)
    await expectAllGone(database, store, clock, chunks)
  })
})

type Hook = (() => Promise<void>) | undefined

/** A folder with a hook into each access. */
interface HookedStore extends ObjectStore {
  beforePut: Hook
  afterPut: Hook
  beforeGet: Hook
}

async function bench(make: MakeDatabase) {
  const dir = mkdtempSync(join(tmpdir(), 'nabla-moments-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const database = await make()
  const clock = new TestClock()
  const folder = openFolderStore(dir)
  const store: HookedStore = {
    ...folder,
    beforePut: undefined,
    afterPut: undefined,
    beforeGet: undefined,
    async put(...given) {
      await store.beforePut?.()
      await folder.put(...given)
      await store.afterPut?.()
    },
    async get(...given) {
      await store.beforeGet?.()
      return folder.get(...given)
    },
  }
  const chunks = openChunkStore({ db: database.db, store, clock })
  const team = (await aTeam(database.db)).id
  return { database, clock, store, chunks, team }
}
