import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestClock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { openFolderStore } from '../stores/folder/folder-store.ts'
import type { ObjectStore } from '../stores/store.ts'
import { eachDatabase, type MakeDatabase, type TestDatabase } from '../testing/database.ts'
import { aTeam } from '../testing/fixtures.ts'
import { all, frameOf, makeTree, readTree, sendChunks, sendLacking, sendTree, sha256 } from '../testing/made-trees.ts'
import { type ChunkStore, openChunkStore } from './chunk-store.ts'

const signal = new AbortController().signal
const hour = 3_600_000

eachDatabase((make) => {
  describe('chunks', () => chunks(make))
  describe('trees', () => trees(make))
})

interface Bench {
  database: TestDatabase
  clock: TestClock
  store: ObjectStore
  chunks: ChunkStore
}

function bench(make: MakeDatabase): Bench {
  const given = {} as Bench
  let dir: string
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'nabla-chunks-'))
    given.database = await make()
    given.clock = new TestClock()
    given.store = openFolderStore(dir)
    given.chunks = openChunkStore({ db: given.database.db, store: given.store, clock: given.clock })
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))
  return given
}

async function packsOf({ store }: Bench): Promise<string[]> {
  return (await all(store.list('packs/'))).map(({ key }) => key)
}

function chunks(make: MakeDatabase): void {
  const given = bench(make)
  const one = Buffer.from('hello '.repeat(100))
  const other = randomBytes(2000)
  const names = [sha256(one), sha256(other)]

  test('what is sent is there, read back whole, and lacking no more', async () => {
    const { chunks, database } = given
    const { id } = await aTeam(database.db)
    expect(await chunks.lacking(id, { chunks: names, segments: [] })).toEqual({ chunks: names, segments: [] })
    expect(await sendChunks(chunks, id, [one, other, one])).toEqual({ chunks: 2, newChunks: 2 })
    expect(await chunks.lacking(id, { chunks: names, segments: [] })).toEqual({ chunks: [], segments: [] })
    expect(await chunks.read(sha256(one))).toEqual(one)
    const many = [sha256(other), sha256(one), sha256(other)]
    expect(await all(chunks.readMany(many))).toEqual([other, one, other])
    expect(await sendChunks(chunks, id, [one])).toEqual({ chunks: 1, newChunks: 0 })
    expect(await packsOf(given)).toHaveLength(1)
  })

  test('chunks that are only lent are whole until the next one is asked for', async () => {
    const { chunks, database } = given
    const { id } = await aTeam(database.db)
    const sent = Array.from({ length: 40 }, () => randomBytes(1_000_000))
    for (let from = 0; from < sent.length; from += 8) await sendChunks(chunks, id, sent.slice(from, from + 8))
    const names = sent.map(sha256)
    let next = 0
    for await (const chunk of chunks.readMany(names, { lent: true })) expect(sha256(chunk)).toBe(names[next++])
    expect(next).toBe(40)
  })

  test('memory of chunks that were lent is used again, also by whoever stops at the last one', async () => {
    const { chunks, database } = given
    const { id } = await aTeam(database.db)
    const large = [randomBytes(300_000), randomBytes(300_000)]
    await sendChunks(chunks, id, large)
    const read = async () => {
      const memory = new Set<ArrayBufferLike>()
      const coming = chunks.readMany(large.map(sha256), { lent: true })[Symbol.asyncIterator]()
      for (const chunk of large) {
        const { value } = await coming.next()
        expect(chunk.equals(value as Buffer)).toBe(true)
        memory.add((value as Buffer).buffer)
      }
      await coming.return?.()
      return [...memory]
    }
    const first = await read()
    expect(first).toHaveLength(1)
    // Compared here: to show how two differ would take a minute.
    expect((await read())[0] === first[0]).toBe(true)
  })

  test('another team has to send the bytes too, and they are stored once', async () => {
    const { chunks, database } = given
    const { id } = await aTeam(database.db)
    const before = await packsOf(given)
    expect(await chunks.lacking(id, { chunks: names, segments: names })).toEqual({ chunks: names, segments: names })
    const tree = makeTree({ a: one, b: other })
    await sendChunks(
      chunks,
      id,
      [...tree.chunks.values()].filter((chunk) => !names.includes(sha256(chunk))),
    )
    await expect(chunks.commit(id, tree.digest)).rejects.toMatchObject({ code: 'tree_incomplete' })
    await sendTree(chunks, id, tree)
    const after = await packsOf(given)
    // Segment and root, and of the two chunks nothing.
    expect(after.length).toBe(before.length + 1)
  })

  test('a body that breaks off, or is called off, stores nothing', async () => {
    const { chunks, database } = given
    const { id } = await aTeam(database.db)
    const before = await packsOf(given)
    const frame = frameOf(randomBytes(500))
    const broken = new Readable({ read() {} })
    broken.push(frame)
    setImmediate(() => broken.destroy(new Error('connection lost')))
    await expect(chunks.receive(id, broken, { signal })).rejects.toMatchObject({ code: 'bad_chunk' })
    const aborting = new AbortController()
    const silent = new Readable({ read() {} })
    setImmediate(() => aborting.abort(new Error('left')))
    await expect(chunks.receive(id, silent, { signal: aborting.signal })).rejects.toThrow('left')
    const late = chunks.receive(id, new Readable({ read() {} }), { signal })
    const outcome = expect(late).rejects.toMatchObject({ code: 'bad_chunk', params: { reason: /time/ } })
    await expect.poll(() => given.clock.pending).toBe(1)
    given.clock.advance(limits.parcelMs)
    await outcome
    expect(await packsOf(given)).toEqual(before)
  })

  test('parcels beyond what memory may hold wait for their turn', async () => {
    const { chunks, database } = given
    const { id } = await aTeam(database.db)
    const opened: number[] = []
    const waiting = Array.from({ length: 5 }, (_, index) => {
      const source = new Readable({ read: () => void opened.push(index) })
      const done = chunks.receive(id, source, { signal, sizeBytes: limits.parcelsBytes / 2 })
      return { source, done }
    })
    await expect.poll(() => new Set(opened)).toEqual(new Set([0, 1]))
    for (const { source, done } of waiting) {
      await expect.poll(() => source.listenerCount('readable') + source.listenerCount('end')).toBeGreaterThan(0)
      source.push(frameOf(randomBytes(100)))
      source.push(null)
      expect(await done).toMatchObject({ newChunks: 1 })
    }
  })

  test('what the server takes in itself is packed as it comes', async () => {
    const { chunks, database } = given
    const { id } = await aTeam(database.db)
    const writer = chunks.add(id)
    const pieces = Array.from({ length: 30 }, (_, index) =>
      index % 2 === 0 ? randomBytes(700_000) : Buffer.alloc(700_000, `${index} `),
    )
    const hashes: string[] = []
    const reused = Buffer.alloc(700_000)
    for (const piece of pieces) {
      piece.copy(reused)
      hashes.push(await writer.add(reused))
    }
    await writer.finish()
    expect(hashes).toEqual(pieces.map(sha256))
    let index = 0
    for await (const chunk of chunks.readMany(hashes))
      expect(chunk.equals(pieces[index++] ?? Buffer.alloc(0))).toBe(true)
    expect(index).toBe(30)
    expect(await chunks.lacking(id, { chunks: hashes, segments: [] })).toEqual({ chunks: [], segments: [] })
    const rows = await database.db.selectFrom('chunks').select('compressed').where('hash', 'in', hashes).execute()
    expect(rows.filter(({ compressed }) => compressed === 1)).toHaveLength(15)
  })

  test('one that was never stored cannot be read', async () => {
    const { chunks } = given
    const hash = sha256(Buffer.from('never'))
    const error = { code: 'damaged_chunk', params: { hash, path: 'a/file' } }
    await expect(chunks.read(hash, { of: 'a/file' })).rejects.toMatchObject(error)
    await expect(all(chunks.readMany([hash], { of: 'a/file' }))).rejects.toMatchObject(error)
  })
}

function trees(make: MakeDatabase): void {
  const given = bench(make)
  const files = Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`dir-${n % 7}/file-${n}`, randomBytes(300)]))
  const tree = makeTree(files, { perSegment: 10 })

  test('a tree is committed once all is there, and reads back', async () => {
    const { chunks, database } = given
    const { id } = await aTeam(database.db)
    expect(await sendLacking(chunks, id, tree)).toBe(tree.chunks.size)
    const committed = { digest: tree.digest, files: 120, sizeBytes: 36_000 }
    expect(await chunks.commit(id, tree.digest)).toEqual(committed)
    expect(await chunks.commit(id, tree.digest)).toEqual(committed)
    const read = await readTree(chunks, tree.digest)
    expect(read).toEqual(new Map(Object.entries(files).map(([path, bytes]) => [path, sha256(bytes)])))
    expect(await sendLacking(chunks, id, tree)).toBe(0)
  })

  test('a segment answers for its chunks only while these are certain', async () => {
    const { chunks, database, clock } = given
    const { id } = await aTeam(database.db)
    await sendChunks(chunks, id, tree.chunks.values())
    const asked = { chunks: [], segments: tree.segments }
    // Nobody has looked whether its chunks are there.
    expect((await chunks.lacking(id, asked)).segments).toEqual(tree.segments)
    await chunks.commit(id, tree.digest)
    expect((await chunks.lacking(id, asked)).segments).toEqual([])
    clock.advance(limits.chunkHoldMs / 2)
    expect((await chunks.lacking(id, asked)).segments).toEqual(tree.segments)
    await chunks.collect(signal)
    expect((await chunks.lacking(id, asked)).segments).toEqual([])
  })

  test('what was asked for stays for half a day, what is used for as long as it is', async () => {
    const { chunks, database, clock } = given
    const { id } = await aTeam(database.db)
    const chunk = randomBytes(100)
    const hash = sha256(chunk)
    await sendChunks(chunks, id, [chunk])
    for (let day = 0; day < 4; day++) {
      clock.advance(12 * hour)
      await chunks.collect(signal)
      expect((await chunks.lacking(id, { chunks: [hash], segments: [] })).chunks).toEqual([])
    }
    clock.advance(limits.chunkHoldMs + hour)
    await chunks.collect(signal)
    expect((await chunks.lacking(id, { chunks: [hash], segments: [] })).chunks).toEqual([hash])
    await expect(chunks.read(hash)).rejects.toMatchObject({ code: 'damaged_chunk' })
  })
}
