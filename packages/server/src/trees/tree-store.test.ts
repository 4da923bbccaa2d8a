import { execFile } from 'node:child_process'
import { appendFile, chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { chunkSizes } from '@nabla/api/chunker'
import { describe, expect, test } from 'vitest'
import { limits } from '../lib/limits.ts'
import { eachDatabase } from '../testing/database.ts'
import { aTree, mixedFiles, noise, teamId, type TestFiles } from '../testing/tree-store.ts'
import type { FileTree } from './file-tree.ts'

const signal = AbortSignal.any([])
const run = promisify(execFile)

/** All that is in a tree. */
async function all(tree: FileTree): Promise<string[]> {
  const { items } = await tree.list('', { recursive: true, limit: 1000 })
  return items.map(({ path, type, sizeBytes }) => `${type} ${path} ${sizeBytes}`)
}

eachDatabase((make) => {
  const made = async (files: TestFiles) => aTree(await make(), files)

  describe('a folder that is taken in and made again', () => {
    test('is the same', async () => {
      const { trees, dir, digest, ingested } = await made(mixedFiles)
      expect(ingested).toMatchObject({ leftOut: [], leftOutCount: 0, entries: 13, tree: { files: 6, sizeBytes: 51 } })
      const again = await trees.materialise(digest, signal)
      await run('diff', ['-r', '--no-dereference', dir, again])
      expect((await stat(join(again, 'a/run.sh'))).mode & 0o777).toBe(0o755)
      expect((await stat(join(again, 'a.txt'))).mode & 0o777).toBe(0o644)
      expect(await trees.ingest(teamId, again, signal)).toEqual(ingested)
    })

    test('is the same when it is large, with files of many chunks, cut at any size', async () => {
      const sizes = [chunkSizes.minBytes, chunkSizes.minBytes + 1, chunkSizes.maxBytes, limits.writeBatchBytes + 1]
      const files = Object.fromEntries(sizes.map((size, index) => [`large-${index}`, noise(size, index)]))
      const many = Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`many/${index}`, `file ${index}`]))
      const { trees, dir, digest } = await made({ ...files, ...many, zeros: Buffer.alloc(3 * chunkSizes.maxBytes) })
      const again = await trees.materialise(digest, signal)
      await run('diff', ['-r', dir, again])
    })

    test('has the same digest however it was made, and another one for any change', async () => {
      const { trees, test, digest } = await made(mixedFiles)
      const digests = [digest]
      for (const change of [{ 'a.txt': 'other' }, { 'a.txt*': 'beside a' }, { new: '' }, { new: null }]) {
        const dir = await test.folder(mixedFiles)
        for (const [name, content] of Object.entries(change)) {
          const path = join(dir, name.replace('*', ''))
          if (content === null) await mkdir(path)
          else await writeFile(path, content)
          if (name.endsWith('*')) await chmod(path, 0o755)
        }
        digests.push((await trees.ingest(teamId, dir, signal)).tree.digest)
      }
      expect(new Set(digests).size).toBe(5)
      expect((await trees.ingest(teamId, await test.folder(mixedFiles), signal)).tree.digest).toBe(digest)
    })

    test('may be empty', async () => {
      const { trees, digest } = await made({})
      expect(await readdir(await trees.materialise(digest, signal))).toEqual([])
      expect(await (await trees.open(teamId, digest)).list('', { limit: 10 })).toEqual({ items: [], next: null })
    })
  })

  describe('taking in', () => {
    test('leaves out, and tells, what a tree cannot hold', async () => {
      const { trees, test } = await made({})
      const dir = await test.folder({ good: 'x', 'out/link': '->../..', absolute: '->/etc/passwd', 'back\\slash': 'x' })
      await writeFile(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0x6e, 0xff])]), 'x')
      const server = createServer().listen(join(dir, 'socket'))
      const ingested = await trees.ingest(teamId, dir, signal)
      server.close()
      expect(ingested.leftOut).toEqual([
        { path: 'absolute', reason: 'it is a link that leads out' },
        { path: String.raw`back\x5cslash`, reason: 'it holds a backslash' },
        { path: String.raw`n\xff`, reason: 'its name is not UTF-8' },
        { path: 'out/link', reason: 'it is a link that leads out' },
        { path: 'socket', reason: 'it is a device, pipe or socket' },
      ])
      expect(ingested.leftOutCount).toBe(5)
      const tree = await trees.open(teamId, ingested.tree.digest)
      expect(await all(tree)).toEqual(['file good 1', 'folder out 0'])
    })

    test('of a file that is written to all the time comes to an end, with what it was', async () => {
      const { trees, test } = await made({})
      const dir = await test.folder({ log: noise(200_000), other: 'x' })
      let writing = true
      const writer = (async () => {
        while (writing) await appendFile(join(dir, 'log'), 'more')
      })()
      const { tree } = await trees.ingest(teamId, dir, signal)
      writing = false
      await writer
      const opened = await trees.open(teamId, tree.digest)
      const { sizeBytes, stream } = await opened.openRead('log')
      const content = await buffer(stream)
      expect(content.length).toBe(sizeBytes)
      expect(content.length).toBeGreaterThanOrEqual(200_000)
      expect((await readFile(join(dir, 'log'))).subarray(0, content.length).equals(content)).toBe(true)
    })

    test('of files that vanish meanwhile leaves those out', async () => {
      const { trees, test } = await made({})
      const names = Array.from({ length: 400 }, (_, index) => `file-${index}`)
      const dir = await test.folder(Object.fromEntries(names.map((name) => [name, name])))
      const removing = Promise.all(names.map((name) => rm(join(dir, name))))
      const { tree } = await trees.ingest(teamId, dir, signal)
      await removing
      const opened = await trees.open(teamId, tree.digest)
      for (const item of await all(opened)) {
        const name = item.split(' ')[1]!
        expect(await text((await opened.openRead(name)).stream)).toBe(name)
      }
    })

    test('is broken off by its signal', async () => {
      const { trees, dir } = await made(mixedFiles)
      await expect(trees.ingest(teamId, dir, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
    })
  })
})
