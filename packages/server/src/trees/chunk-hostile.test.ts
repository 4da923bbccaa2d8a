import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { maxChunkBytes } from '@nabla/api/chunk-frame'
import { treeRequestLimits } from '@nabla/api/tree-limits'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { TestClock } from '../lib/clock.ts'
import { openFolderStore } from '../stores/folder/folder-store.ts'
import { eachDatabase } from '../testing/database.ts'
import { aTeam } from '../testing/fixtures.ts'
import {
  frameOf,
  type MadeTree,
  makeTree,
  parcelOf,
  sendChunks,
  sendTree,
  sha256,
  treeOf,
} from '../testing/made-trees.ts'
import { type ChunkStore, openChunkStore } from './chunk-store.ts'

const signal = new AbortController().signal

eachDatabase((make) => {
  let dir: string
  let chunks: ChunkStore
  let team: string
  let newTeam: () => Promise<string>
  let stored: () => Promise<unknown>
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'nabla-hostile-'))
    const { db } = await make()
    const store = openFolderStore(dir)
    chunks = openChunkStore({ db, store, clock: new TestClock() })
    newTeam = async () => (await aTeam(db)).id
    stored = async () => {
      const keys: string[] = []
      for await (const { key } of store.list('')) keys.push(key)
      return [keys.toSorted(), await db.selectFrom('chunks').select('hash').orderBy('hash').execute()]
    }
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))
  beforeEach(async () => {
    team = await newTeam()
  })

  describe('a parcel that is not what it says', () => {
    const chunk = Buffer.from('some text '.repeat(50))
    const good = frameOf(randomBytes(300))
    const cases: [string, Buffer, RegExp][] = [
      ['another hash', frameOf(chunk, { hash: sha256(Buffer.from('other')) }), /SHA-256/],
      ['fewer bytes than there are', frameOf(chunk, { sizeBytes: 499 }), /inflates to more/],
      ['more bytes than there are', frameOf(chunk, { sizeBytes: 501 }), /500 bytes instead of 501/],
      ['lengths that differ', frameOf(chunk, { compressed: false, sizeBytes: 400 }), /brings 500/],
      ['a frame that goes on behind the end', frameOf(chunk, { storedBytes: 499 }), /cut off/],
      ['no bytes at all', frameOf(Buffer.alloc(0), { compressed: false }), /empty/],
      ['more than a chunk may have', frameOf(chunk, { sizeBytes: maxChunkBytes + 1 }), /more than/],
      ['what is no zstd', frameOf(chunk, { stored: Buffer.from('not compressed at all') }), /damaged/],
      ['zstd that is cut', frameOf(chunk, { stored: zstdCompressSync(chunk).subarray(0, -4) }), /damaged/],
      ['a bomb', frameOf(Buffer.alloc(50_000_000), { sizeBytes: 20_000 }), /inflates to more/],
      ['a head that is cut off', good.subarray(0, 20), /head/],
      ['a body that is cut off', good.subarray(0, 200), /cut off/],
      ['compressed for nothing', frameOf(chunk, { stored: Buffer.alloc(600), compressed: true }), /no smaller/],
    ]
    test.each(cases)('%s', async (_, frame, reason) => {
      const before = await stored()
      const refused = chunks.receive(team, parcelOf(good, frame), { signal })
      await expect(refused).rejects.toMatchObject({
        code: 'bad_chunk',
        params: { reason: expect.stringMatching(reason) },
      })
      expect(await stored()).toEqual(before)
      expect((await chunks.lacking(team, { chunks: [sha256(good.subarray(40))], segments: [] })).chunks).toHaveLength(1)
    })

    test('larger than a parcel may be, announced or not', async () => {
      const sizeBytes = treeRequestLimits.parcelBytes + 1
      await expect(chunks.receive(team, parcelOf(good), { signal, sizeBytes })).rejects.toMatchObject({
        code: 'body_too_large',
      })
      const much = parcelOf(Buffer.alloc(sizeBytes))
      await expect(chunks.receive(team, much, { signal })).rejects.toMatchObject({ code: 'body_too_large' })
    })

    test('garbage of any kind is refused, never a bug', async () => {
      const parcel = Buffer.concat([frameOf(chunk), good, frameOf(Buffer.alloc(5000))])
      for (let seed = 0; seed < 150; seed++) {
        const damaged = Buffer.from(parcel)
        damaged[(seed * 7919) % damaged.length]! ^= 1 + (seed % 255)
        const outcome = await chunks.receive(team, parcelOf(damaged), { signal }).catch((error: unknown) => error)
        expect(outcome).toMatchObject({ code: 'bad_chunk' })
      }
    })
  })

  describe('a tree that cannot be', () => {
    const line = (...entry: unknown[]) => `${JSON.stringify(entry)}\n`
    const file = (path: string) => line('f', path, [])
    const segment = (...lines: string[]) => Buffer.from(lines.join(''))
    const cases: [string, MadeTree, RegExp][] = [
      ['two files of one name', treeOf([segment(file('a'), file('a'))]), /"a" twice/],
      ['the same in two segments', treeOf([segment(file('a')), segment(file('a'))]), /twice/],
      ['one segment twice', treeOf([segment(file('a'), file('b')), segment(file('a'), file('b'))]), /"a" comes after/],
      ['a wrong order', treeOf([segment(file('b'), file('a'))]), /"a" comes after "b"/],
      ['a wrong order of segments', treeOf([segment(file('b')), segment(file('a'))]), /comes after/],
      ['a path that leads up', treeOf([segment(file('../a'))]), /part \.\./],
      ['a dot', treeOf([segment(file('a/./b'))]), /part \./],
      ['an absolute path', treeOf([segment(file('/etc/passwd'))]), /absolute/],
      ['an empty part', treeOf([segment(file('a//b'))]), /empty part/],
      ['a NUL', treeOf([segment(file('a\0b'))]), /control character/],
      ['half a character', treeOf([segment(file('a\ud800'))]), /Unicode/],
      ['a long name', treeOf([segment(file('x'.repeat(256)))]), /longer than 255/],
      ['a deep path', treeOf([segment(file('d/'.repeat(300) + 'f'))]), /parts/],
      ['a file below a file', treeOf([segment(file('a'), file('a-b'), file('a/b'))]), /lies in "a"/],
      [
        'a file below one of another segment',
        treeOf([segment(file('a'), file('a-b')), segment(file('a/b'))]),
        /lies in "a"/,
      ],
      [
        'a file below one of two segments before',
        treeOf([segment(file('a')), segment(file('a!')), segment(file('a"'), file('a/b'))]),
        /lies in "a"/,
      ],
      ['a file below a link', treeOf([segment(line('d', 'b'), line('l', 'k', 'b'), file('k/x'))]), /lies in "k"/],
      ['a link up', treeOf([segment(line('l', 'k', '../x'))]), /leads out/],
      ['an absolute link', treeOf([segment(line('l', 'k', '/etc'))]), /leads out/],
      [
        'a link out by way of another',
        treeOf([segment(line('l', 'a/b/up', '../..')), segment(line('l', 'out', 'a/b/up/..'))]),
        /leads out/,
      ],
      ['a link with a NUL', treeOf([segment(line('l', 'k', 'a\0'))]), /not valid/],
      ['a wrong count', treeOf([segment(file('a'))], { files: 2 }), /says 2 files and there are 1/],
      ['a wrong size', treeOf([segment(file('a'))], { sizeBytes: 7 }), /says 7 bytes and there are 0/],
    ]
    test.each(cases)('%s', async (_, tree, reason) => {
      await sendChunks(chunks, team, tree.chunks.values())
      const error = { code: 'bad_tree', params: { reason: expect.stringMatching(reason) } }
      await expect(chunks.commit(team, tree.digest)).rejects.toMatchObject(error)
      await expect(chunks.commit(team, tree.digest)).rejects.toMatchObject(error)
    })

    test('what looks like it and is fine', async () => {
      const tree = treeOf([
        segment(file('a'), file('a-b')),
        segment(file('a.c'), file('ab/c'), line('d', 'b'), line('l', 'b/up', '..')),
        segment(line('l', 'c', 'b/up/b'), line('l', 'loop', 'loop'), line('l', 'none', 'not/there')),
      ])
      await sendChunks(chunks, team, tree.chunks.values())
      expect(await chunks.commit(team, tree.digest)).toMatchObject({ files: 4, sizeBytes: 0 })
    })

    test('what is no tree at all', async () => {
      const text = Buffer.from('hello')
      const segmentless = makeTree({ a: 'x' })
      const rootOf = (segments: [string, number][]) =>
        Buffer.from(JSON.stringify({ version: 1, files: 0, sizeBytes: 0, segments }))
      const large = Buffer.concat([rootOf([]), Buffer.alloc(9_000_000, ' ')])
      const odd = rootOf([[sha256(text), 5]])
      const lying = rootOf([[sha256(text), 6]])
      await sendChunks(chunks, team, [text, large, odd, lying, ...segmentless.chunks.values()])
      const refused = async (root: Buffer | string, reason: RegExp) =>
        expect(chunks.commit(team, typeof root === 'string' ? root : sha256(root))).rejects.toMatchObject({
          code: 'bad_tree',
          params: { reason: expect.stringMatching(reason) },
        })
      await refused(text, /root is not one/)
      await refused(large, /too large/)
      await refused(odd, /segment .* is not one/)
      await refused(lying, /length of its segment/)
      await refused(segmentless.segments[0] ?? '', /root is not one/)
    })

    test('a chunk said to be longer than it is', async () => {
      const content = randomBytes(100)
      const tree = treeOf([segment(line('f', 'a', [sha256(content), 101]))])
      await sendChunks(chunks, team, [content, ...tree.chunks.values()])
      const error = { code: 'bad_tree', params: { reason: expect.stringMatching(/length of its chunk/) } }
      await expect(chunks.commit(team, tree.digest)).rejects.toMatchObject(error)
    })
  })

  test('another team gets nothing for a hash', async () => {
    const tree = makeTree({ a: randomBytes(3000), b: randomBytes(3000) })
    await sendTree(chunks, team, tree)
    const thief = await newTeam()
    await expect(chunks.commit(thief, tree.digest)).rejects.toMatchObject({
      code: 'tree_incomplete',
      params: { missing: 1 },
    })
    const tableOfContents = [...tree.chunks].filter(([hash]) => !tree.fileChunks.includes(hash))
    await sendChunks(
      chunks,
      thief,
      tableOfContents.map(([, chunk]) => chunk),
    )
    // The segments are known to be good, though not to be this team's.
    await expect(chunks.commit(thief, tree.digest)).rejects.toMatchObject({
      code: 'tree_incomplete',
      params: { missing: tree.fileChunks.length },
    })
    const own = makeTree({ c: 'x' })
    await sendTree(chunks, thief, own)
    expect(await chunks.lacking(thief, { chunks: tree.fileChunks, segments: tree.segments })).toEqual({
      chunks: tree.fileChunks,
      segments: tree.segments,
    })
  })
})
