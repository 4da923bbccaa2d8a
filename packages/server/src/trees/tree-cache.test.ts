import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { TestClock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { eachDatabase } from '../testing/database.ts'
import { aVolume } from '../testing/fixtures.ts'
import { aTask } from '../testing/tasks.ts'
import { aTree, mixedFiles, noise, teamId, type TestFiles } from '../testing/tree-store.ts'
import { TreeCache, type TreeFiles } from './tree-cache.ts'

const signal = AbortSignal.any([])
const run = promisify(execFile)
const isRoot = process.getuid?.() === 0

eachDatabase((make) => {
  const made = async (files: TestFiles, cacheBytes?: number) =>
    aTree(await make(), files, cacheBytes === undefined ? {} : { cacheBytes })

  describe('trees kept ready', () => {
    const cached = (data: string) =>
      readdir(join(data, 'cache/trees')).then((names) => names.filter((name) => !name.startsWith('.')).sort())
    const leftovers = async (data: string) => readdir(join(data, 'cache/trees/.staging'))

    test('are made once for all who ask at the same time, and found afterwards, also after a restart', async () => {
      const { trees, test, digest, data } = await made(mixedFiles)
      const places = await Promise.all(Array.from({ length: 5 }, () => trees.materialise(digest, signal)))
      expect(new Set(places).size).toBe(1)
      const { ino } = await stat(places[0] ?? '')
      expect((await stat(await trees.materialise(digest, signal))).ino).toBe(ino)
      const reopened = await test.reopen()
      expect((await stat(await reopened.materialise(digest, signal))).ino).toBe(ino)
      expect(reopened.figures()).toMatchObject({ trees: 1, entries: 13 })
      expect(await leftovers(data)).toEqual([])
    })

    test('are made again after another boot of the machine, and when somebody removed them', async () => {
      const { trees, test, digest, data } = await made(mixedFiles)
      const place = await trees.materialise(digest, signal)
      await rm(place, { recursive: true })
      await writeFile(join(await trees.materialise(digest, signal), 'torn'), 'by a crash')
      const mark = join(data, 'cache/trees', digest, 'made.json')
      const before = JSON.parse(await readFile(mark, 'utf8')) as object
      await writeFile(mark, JSON.stringify({ ...before, bootId: 'another' }))
      const again = await (await test.reopen()).materialise(digest, signal)
      expect(await readdir(again)).not.toContain('torn')
    })

    test('are made again when somebody changed what is in them, and kept when nothing in them changed', async () => {
      const { trees, test, digest } = await made(mixedFiles)
      const place = await trees.materialise(digest, signal)
      const [name = ''] = Object.keys(mixedFiles).filter((path) => !path.includes('/'))
      const [path, asked] = [join(place, name), () => trees.materialise(digest, signal)]
      const whole = await readFile(path)
      expect(whole.length).toBeGreaterThan(0)
      const { ino } = await stat(place)
      await chmod(path, 0o640)
      expect((await stat(await asked())).ino).toBe(ino)

      await writeFile(path, Buffer.from(whole.map((byte) => byte ^ 1)))
      const places = await Promise.all([asked(), asked(), asked()])
      expect(new Set(places)).toEqual(new Set([place]))
      expect(await readFile(path)).toEqual(whole)
      expect((await stat(place)).ino).not.toBe(ino)
      expect(test.changed).toEqual([digest])

      const { mode } = await stat(path)
      await chmod(path, mode ^ 0o111)
      expect((await stat(join(await asked(), name))).mode).toBe(mode)
      await writeFile(join(place, 'added'), '')
      expect(await readdir(await asked())).not.toContain('added')
      await rm(path)
      expect(await readFile(join(await asked(), name))).toEqual(whole)
      await rm(path)
      expect(await readFile(join(await (await test.reopen()).materialise(digest, signal), name))).toEqual(whole)
    })

    test('that were half made are cleared away by the next start', async () => {
      const { test, data } = await made(mixedFiles)
      await mkdir(join(data, 'cache/trees/.staging/half/tree/files'), { recursive: true })
      await mkdir(join(data, 'cache/trees', 'f'.repeat(64), 'files'), { recursive: true })
      await test.reopen()
      expect(await leftovers(data)).toEqual([])
      expect(await cached(data)).toEqual([])
    })

    test('one start that is cut short does not cut short another; the last one does', async () => {
      const { trees, digest, data } = await made({ large: noise(8_000_000) })
      const [first, second] = [new AbortController(), new AbortController()]
      const one = trees.materialise(digest, first.signal)
      const other = trees.materialise(digest, second.signal)
      first.abort(new Error('stopped'))
      await expect(one).rejects.toThrow('stopped')
      const place = await other
      expect((await stat(join(place, 'large'))).size).toBe(8_000_000)
      await rm(join(data, 'cache/trees', digest), { recursive: true })
      const alone = trees.materialise(digest, second.signal)
      second.abort(new Error('stopped too'))
      await expect(alone).rejects.toThrow('stopped too')
      expect(await trees.materialise(digest, signal)).toBe(place)
    })

    test('go when there are too many, those used longest ago first, but never one that a task may use', async () => {
      const { trees, test, clock, data, db } = await made({}, 50_000)
      const digests: string[] = []
      for (const name of ['first', 'second', 'third', 'fourth']) {
        const { tree } = await trees.ingest(
          teamId,
          await test.folder({ [name]: noise(20_000, digests.length) }),
          signal,
        )
        digests.push(tree.digest)
      }
      const [first, second, third, fourth] = digests as [string, string, string, string]
      const volume = await aVolume(db, { teamId, purpose: 'test', treeDigest: first })
      const { ranMs: _, ...row } = aTask({ id: newId('task'), ownerId: newId('job'), state: 'placed' })
      const request = { ...row.request, volumes: [{ volumeId: volume.id, target: '/x', mode: 'ro' }] }
      const texts = { request: JSON.stringify(request), gpus: '[]', phases: '[]', exit: null, placedAt: null }
      await db
        .insertInto('tasks')
        .values({ ...row, ...texts })
        .execute()
      for (const digest of [first, second, third, second, fourth]) {
        clock.advance(1000)
        await trees.materialise(digest, signal)
      }
      // Trimming goes on in the background.
      await expect
        .poll(() => cached(data))
        .toEqual(
          [first, second, fourth]
            .sort()
            .filter((digest) => digest !== second)
            .sort(),
        )
      await db.updateTable('tasks').set({ removedAt: 'now' }).where('id', '=', row.id).execute()
      clock.advance(1000)
      await trees.materialise(third, signal)
      await expect.poll(() => cached(data)).toEqual([third, fourth].sort())
    })

    test('take over a folder that a tree was made of', async () => {
      const { trees, dir, ingested, digest } = await made(mixedFiles)
      const { ino } = await stat(join(dir, 'a.txt'))
      await trees.adopt(ingested, dir)
      expect((await stat(join(await trees.materialise(digest, signal), 'a.txt'))).ino).toBe(ino)
      await trees.adopt(ingested, dir)
    })

    test('name the file whose chunk is damaged, and leave nothing half made', async () => {
      const { trees, digest, data } = await made({ 'good.txt': 'good', 'sub/bad.txt': noise(300_000) })
      const packs = (await readdir(join(data, 'objects'), { recursive: true, withFileTypes: true })).filter((entry) =>
        entry.isFile(),
      )
      for (const pack of packs) {
        const path = join(pack.parentPath, pack.name)
        const bytes = await readFile(path)
        bytes.fill(0, bytes.length - 150_000, bytes.length - 140_000)
        await chmod(path, 0o644)
        await writeFile(path, bytes)
      }
      const failed = trees.materialise(digest, signal)
      await expect(failed).rejects.toMatchObject({ code: 'damaged_chunk', params: { path: 'sub/bad.txt' } })
      const reading = (await trees.open(teamId, digest)).openRead('sub/bad.txt').then((file) => buffer(file.stream))
      await expect(reading).rejects.toMatchObject({ code: 'damaged_chunk', params: { path: 'sub/bad.txt' } })
      expect(await cached(data)).toEqual([])
      expect(await leftovers(data)).toEqual([])
    })

    test.skipIf(!isRoot)('say so when the disk is full, and leave nothing half made (needs root)', async () => {
      const { trees, test, digest, data } = await made({ large: noise(6_000_000), 'x/small': 'x' })
      await trees.close()
      await run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'nabla-test', join(data, 'cache/trees')])
      try {
        const full = await test.reopen()
        await expect(full.materialise(digest, signal)).rejects.toMatchObject({ code: 'disk_full' })
        expect(await cached(data)).toEqual([])
        expect(await leftovers(data)).toEqual([])
        await run('mount', ['-o', 'remount,size=20m', join(data, 'cache/trees')])
        expect((await stat(join(await full.materialise(digest, signal), 'large'))).size).toBe(6_000_000)
        await full.close()
      } finally {
        await run('umount', [join(data, 'cache/trees')])
      }
    })
  })
})

test('a tree that is given up while it is looked at is made again for whoever asked', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'nabla-cache-'))
  const cache = new TreeCache({
    dir,
    mostBytes: 1e6,
    clock: new TestClock(),
    inUse: () => Promise.resolve(new Set()),
    onError: (error) => expect.unreachable(String(error)),
    onChanged: () => expect.unreachable('nothing changed'),
  })
  let made = 0
  const tree: TreeFiles = {
    async make(folder) {
      await writeFile(join(folder, 'file'), `made ${++made} times`)
      return { entries: 1, diskBytes: 10 }
    },
    async isIn() {
      await cache.trim(true)
      return true
    },
  }
  const asked = () => cache.get('0'.repeat(64), tree, signal)
  try {
    await chmod(join(await asked(), 'file'), 0o640)
    expect(await readFile(join(await asked(), 'file'), 'utf8')).toBe('made 2 times')
  } finally {
    await cache.close()
    await rm(dir, { recursive: true })
  }
})
