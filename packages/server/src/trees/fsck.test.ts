import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { TestClock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { openFolderStore } from '../stores/folder/folder-store.ts'
import { eachDatabase, type MakeDatabase } from '../testing/database.ts'
import { aTeam, aVolume } from '../testing/fixtures.ts'
import { all, makeTree, readTree, sendChunks, sendTree, sha256 } from '../testing/made-trees.ts'
import { type ChunkStore, type FsckReport, openChunkStore } from './chunk-store.ts'
import { newPackId } from './packs.ts'

const { signal } = new AbortController()

/** Two trees that share what is in `common`. */
const common = randomBytes(5000)
const one = makeTree({ 'a/common': common, 'a/one': randomBytes(5000) }, { chunkBytes: 8192 })
const two = makeTree({ common, two: randomBytes(5000) }, { chunkBytes: 8192 })

eachDatabase((make) => {
  test('what is whole is found to be', async () => {
    const { chunks } = await bench(make)
    expect(await fsck(chunks)).toMatchObject({ packs: 2, chunks: 7, ...nothing })
  })

  test('a flipped bit is found, named, and not handed out; who is affected is told', async () => {
    const { chunks, store, db, team, damage } = await bench(make)
    const hash = sha256(common)
    await damage(hash, (pack, offset) => (pack[offset + 2000]! ^= 1))
    const reason = expect.stringContaining('SHA-256')
    await expect(chunks.read(hash, { of: 'a/common' })).rejects.toMatchObject({
      code: 'damaged_chunk',
      params: { path: 'a/common', hash, reason },
    })
    await expect(all(chunks.readMany([...one.fileChunks], { of: 'x' }))).rejects.toMatchObject({ params: { hash } })
    await expect(readTree(chunks, one.digest)).rejects.toMatchObject({ params: { hash } })
    const { id } = await aVolume(db, { teamId: team, purpose: 'test', treeDigest: two.digest })
    const [{ key } = { key: '' }] = (await all(store.list('packs/'))).filter(({ key }) => key.includes(packs[0] ?? ''))
    expect(await fsck(chunks)).toMatchObject({
      ...nothing,
      damagedChunks: [{ hash, key, reason }],
      affectedTrees: [
        { teamId: team, digest: one.digest, missing: 1, volumes: [] },
        { teamId: team, digest: two.digest, missing: 1, volumes: [{ purpose: 'test', id }] },
      ].toSorted((a, b) => (a.digest < b.digest ? -1 : 1)),
    })
  })

  test('packs that are gone, cut short, or mixed up', async () => {
    const { chunks, store, damage } = await bench(make)
    const [first = '', second = ''] = packs
    const bytes = await store.get(`packs/${second}`)
    await store.put(`packs/${second}`, bytes.subarray(0, bytes.length - 10))
    const cut = await fsck(chunks)
    expect(cut.damagedChunks).toMatchObject([{ reason: 'the pack that holds it is cut off' }])
    expect(cut.affectedTrees).toMatchObject([{ digest: two.digest, missing: 1 }])
    await store.put(`packs/${second}`, bytes)
    await damage(sha256(common), (pack, offset) => pack.fill(7, offset, offset + 32))
    expect((await fsck(chunks)).damagedChunks).toMatchObject([{ reason: 'another chunk is in its place' }])
    await store.remove(`packs/${first}`)
    const gone = await fsck(chunks)
    expect(gone.missingObjects).toEqual([`packs/${first}`])
    expect(gone.damagedChunks).toHaveLength(4)
    expect(gone.affectedTrees.map(({ digest }) => digest).toSorted()).toEqual([one.digest, two.digest].toSorted())
    await expect(chunks.read(one.digest)).rejects.toMatchObject({ params: { reason: /not there/ } })
  })

  test('objects that belong to nothing are found, and collected after a day', async () => {
    const { chunks, store, clock } = await bench(make)
    const stray = `packs/${newPackId(clock.now())}`
    await store.put(stray, Buffer.from('left by a crash'))
    expect((await fsck(chunks)).extraObjects).toEqual([])
    clock.advance(2 * limits.doomedPackMs)
    expect((await fsck(chunks)).extraObjects).toEqual([{ key: stray, sizeBytes: 15 }])
    await chunks.collect(signal)
    expect((await fsck(chunks)).extraObjects).toHaveLength(1)
    clock.advance(limits.strayPackMs)
    expect(await chunks.collect(signal)).toMatchObject({ extraObjects: 1 })
    expect((await fsck(chunks)).extraObjects).toEqual([])
  })

  test('of a team with a tree that cannot be read nothing is deleted, of others what nothing needs', async () => {
    const { chunks, clock, db, team, damage } = await bench(make)
    await aVolume(db, { teamId: team, purpose: 'test', treeDigest: one.digest })
    const other = (await aTeam(db)).id
    const [loose, others] = [randomBytes(100), randomBytes(100)]
    await sendChunks(chunks, team, [loose])
    await sendChunks(chunks, other, [others])
    const [segment = ''] = one.segments
    await damage(segment, (pack, offset) => (pack[offset + 60]! ^= 1))
    clock.advance(2 * limits.chunkHoldMs)
    expect(await chunks.collect(signal)).toMatchObject({ sparedTeams: 1, chunks: 1 })
    expect((await chunks.read(sha256(loose))).equals(loose)).toBe(true)
    await expect(chunks.read(sha256(others))).rejects.toMatchObject({ code: 'damaged_chunk' })
    expect((await fsck(chunks)).affectedTrees).toMatchObject([{ digest: one.digest, missing: 1 }])
  })

  test('one at a time, and it can be broken off', async () => {
    const { chunks } = await bench(make)
    const first = chunks.fsck(signal)
    await first.next()
    await expect(chunks.fsck(signal).next()).rejects.toMatchObject({ code: 'busy' })
    await first.return(undefined as never)
    await expect(chunks.fsck(AbortSignal.abort(new Error('enough'))).next()).rejects.toThrow('enough')
    expect(await fsck(chunks)).toMatchObject(nothing)
  })
})

const nothing = { missingObjects: [], extraObjects: [], damagedChunks: [], affectedTrees: [] }

/** Ids of the packs with the chunks of the two trees. */
let packs: string[] = []

async function bench(make: MakeDatabase) {
  const dir = mkdtempSync(join(tmpdir(), 'nabla-fsck-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const { db } = await make()
  const clock = new TestClock()
  const store = openFolderStore(dir)
  const chunks = openChunkStore({ db, store, clock })
  const team = (await aTeam(db)).id
  for (const tree of [one, two]) await sendTree(chunks, team, tree)
  packs = await Promise.all([one.digest, two.digest].map(async (hash) => (await placeOf(hash)).packId))
  function placeOf(hash: string) {
    return db.selectFrom('chunks').selectAll().where('hash', '=', hash).executeTakeFirstOrThrow()
  }
  /** Changes the bytes of the pack that holds a chunk, at the offset of its frame. */
  const damage = async (hash: string, change: (pack: Buffer, offset: number) => unknown) => {
    const { packId, offsetBytes } = await placeOf(hash)
    const bytes = await store.get(`packs/${packId}`)
    change(bytes, offsetBytes)
    await store.put(`packs/${packId}`, bytes)
  }
  return { db, clock, store, chunks, team, damage }
}

async function fsck(chunks: ChunkStore): Promise<FsckReport> {
  const checking = chunks.fsck(signal)
  for (;;) {
    const step = await checking.next()
    if (step.done) return step.value
    expect(step.value.packsDone).toBeLessThanOrEqual(step.value.packs)
  }
}
