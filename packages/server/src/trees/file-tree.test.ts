import { buffer, text } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { aTree, mixedFiles, noise, teamId, type TestFiles } from '../testing/tree-store.ts'
import * as folder from '../volumes/folder.ts'
import type { FileTree } from './file-tree.ts'

const signal = AbortSignal.any([])

/** Pages through a list. */
async function all(files: Pick<FileTree, 'list'>, relative: string, options: Omit<folder.ListOptions, 'limit'>) {
  const found: string[] = []
  let after: string | undefined
  for (;;) {
    const page = await files.list(relative, { ...options, limit: 3, ...(after === undefined ? {} : { after }) })
    found.push(...page.items.map(({ path, type, sizeBytes }) => `${type} ${path} ${sizeBytes}`))
    if (page.next === null) return found
    after = page.next
  }
}

eachDatabase((make) => {
  const made = async (files: TestFiles) => aTree(await make(), files)

  describe('looking into a tree', () => {
    test('shows what looking into the folder shows', async () => {
      const { trees, dir, digest } = await made(mixedFiles)
      const tree = await trees.open(teamId, digest)
      const there = (relative: string, options: folder.ListOptions) => folder.list(dir, relative, options)
      for (const relative of ['', 'a', 'a/b', 'links', 'links/to-folder', 'folder without files', 'ä']) {
        for (const options of [{}, { recursive: true }, { recursive: true, glob: ['*.txt'] }, { glob: ['**/*e*'] }]) {
          const expected = (await all({ list: there }, relative, options)).map((item) =>
            item.replace(/^(folder .*) \d+$/, '$1 0'),
          )
          expect((await all(tree, relative, options)).sort()).toEqual(expected.sort())
        }
      }
      expect((await all(tree, '', {})).map((item) => item.split(' ')[1])).toEqual([
        'a',
        'a-b',
        'a.txt',
        'empty',
        'folder',
        'links',
        'ä',
      ])
    })

    test('shows any tree as it is, in pages of any size', async () => {
      const { trees, test } = await made({})
      const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-', '0'), minLength: 1, maxLength: 2 })
      const path = fc.array(
        name.filter((part) => !/^\.+$/.test(part)),
        { minLength: 1, maxLength: 3 },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(path, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), async (paths, limit) => {
          const folders = Object.fromEntries(paths.map((parts) => [parts.join('/'), null]))
          const dir = await test.folder(folders)
          const { tree } = await trees.ingest(teamId, dir, signal)
          const opened = await trees.open(teamId, tree.digest)
          const expected = new Set(paths.flatMap((parts) => parts.map((_, end) => parts.slice(0, end + 1).join('/'))))
          const found: string[] = []
          for (let after: string | undefined; ;) {
            const page = await opened.list('', { recursive: true, limit, ...(after === undefined ? {} : { after }) })
            found.push(...page.items.map((item) => item.path))
            if (page.next === null) break
            after = page.next
          }
          expect(found).toEqual([...expected].sort())
          for (const one of expected) {
            const below = [...expected].filter(
              (other) => other.startsWith(`${one}/`) && !other.slice(one.length + 1).includes('/'),
            )
            expect((await opened.list(one, { limit: 100 })).items.map((item) => item.path)).toEqual(below.sort())
          }
        }),
        { numRuns: 15 },
      )
    })

    test('gives parts of files, across chunks', async () => {
      const content = noise(3_000_000, 7)
      const { trees, digest } = await made({ large: content, small: 'hello' })
      const tree = await trees.open(teamId, digest)
      const part = async (path: string, start: number, end?: number) => {
        const file = await tree.openRead(path, { range: { start, ...(end === undefined ? {} : { end }) } })
        const bytes = await buffer(file.stream)
        expect(bytes.length).toBe(file.length)
        return bytes
      }
      expect(await text((await tree.openRead('small')).stream)).toBe('hello')
      expect((await part('small', 1, 2)).toString()).toBe('el')
      expect((await part('small', -2)).toString()).toBe('lo')
      await fc.assert(
        fc.asyncProperty(fc.nat(content.length - 1), fc.nat(content.length), async (start, length) => {
          const end = start + length
          expect((await part('large', start, end)).equals(content.subarray(start, end + 1))).toBe(true)
        }),
        { numRuns: 30 },
      )
      await expect(tree.openRead('small', { range: { start: 5 } })).rejects.toMatchObject({ code: 'bad_range' })
      const { etag, stream } = await tree.openRead('small')
      stream.destroy()
      await expect(tree.openRead('small', { ifMatch: '"other"' })).rejects.toMatchObject({ code: 'file_changed' })
      const whole = await tree.openRead('small', { range: { start: 1 }, ifRange: '"other"' })
      expect(await text(whole.stream)).toBe('hello')
      const partly = await tree.openRead('small', { range: { start: 1 }, ifRange: etag })
      expect(await text(partly.stream)).toBe('ello')
    })

    test.each([
      ['nothing', 'file_not_found'],
      ['a/nothing', 'file_not_found'],
      ['a.txt/below', 'bad_path'],
      ['../a', 'bad_path'],
      ['/a', 'bad_path'],
    ])('refuses %s with %s', async (path, code) => {
      const { trees, digest } = await made(mixedFiles)
      const tree = await trees.open(teamId, digest)
      for (const call of [tree.stat(path), tree.openRead(path), tree.list(path, { limit: 1 })]) {
        await expect(call).rejects.toMatchObject({ code })
      }
    })

    test('follows links as the kernel would', async () => {
      const { trees, digest } = await made({
        'real/file': 'content',
        one: '->real',
        'x/two': '->../one',
        'x/up': '->two/../real/file',
        round: '->round',
        broken: '->nowhere',
      })
      const tree = await trees.open(teamId, digest)
      for (const path of ['one/file', 'x/two/file', 'x/up']) {
        expect(await text((await tree.openRead(path)).stream)).toBe('content')
      }
      expect(await tree.stat('one')).toMatchObject({ type: 'link', path: 'one' })
      expect((await tree.list('x/two', { limit: 5 })).items).toMatchObject([{ path: 'x/two/file' }])
      await expect(tree.openRead('round')).rejects.toMatchObject({ code: 'bad_path' })
      await expect(tree.openRead('broken')).rejects.toMatchObject({ code: 'file_not_found' })
      await expect(tree.openRead('one')).rejects.toMatchObject({ code: 'bad_path' })
    })

    test('is for the team that has it', async () => {
      const { trees, digest } = await made(mixedFiles)
      await expect(trees.open('te1111111111111111', digest)).rejects.toMatchObject({ code: 'not_found' })
    })
  })
})
