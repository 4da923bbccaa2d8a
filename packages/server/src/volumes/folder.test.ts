import { createHash, randomBytes } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { AppError } from '../lib/app-error.ts'
import { list, makeFolder, openRead, remove, checksumOf, stat, write } from './folder.ts'
import { globFiles, makeMatcher } from './glob.ts'
import { usage } from './usage.ts'
import { pathBytes, pathText } from './walk.ts'

let base: string
let root: string

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'folder-'))
  root = join(base, 'volumes/storage')
  await mkdir(root, { recursive: true })
  await mkdir(join(base, 'outside'))
  await writeFile(join(base, 'outside/secret'), 'secret')
})

afterEach(() => rm(base, { recursive: true, force: true }))

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => {
      if (error instanceof AppError) return error.code
      throw error
    },
  )
}

async function make(files: Record<string, string>) {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true })
    await writeFile(join(root, path), content)
  }
}

const oddName = Buffer.from([0x61, 0xff, 0x5c, 0x0a])

describe('list', () => {
  async function allPages(limit: number, options: { recursive?: boolean; path?: string } = {}) {
    const paths: string[] = []
    let after: string | undefined
    for (let page = 0; page < 100; page++) {
      const { items, next } = await list(root, options.path ?? '', {
        limit,
        recursive: options.recursive ?? false,
        ...(after === undefined ? {} : { after }),
      })
      expect(items.length).toBeLessThanOrEqual(limit)
      paths.push(...items.map((item) => item.path))
      if (next === null) return paths
      after = next
    }
    return expect.unreachable('the pages do not end')
  }

  test('one folder, with what each entry is', async () => {
    await make({ 'b/inner': '', 'a.txt': 'hello' })
    await symlink('/etc', join(root, 'c'))
    execFileSync('mkfifo', [join(root, 'pipe')])
    await utimes(join(root, 'a.txt'), 1, 1)
    const { items, next } = await list(root, '', { limit: 10 })
    expect(next).toBeNull()
    expect(items.map(({ path, type }) => [path, type])).toEqual([
      ['a.txt', 'file'],
      ['b', 'folder'],
      ['c', 'link'],
    ])
    expect(items[0]).toEqual({ path: 'a.txt', type: 'file', sizeBytes: 5, modifiedAt: '1970-01-01T00:00:01.000Z' })
  })

  test('everything below, folder by folder, in pages of any size', async () => {
    await make({ 'a/b/c': '', 'a/b/d': '', 'a.txt': '', 'a-b': '', 'e/f': '', 'a/g': '', z: '' })
    await mkdir(join(root, 'empty'))
    await writeFile(Buffer.concat([Buffer.from(`${root}/`), oddName]), '')
    const expected = ['a', 'a/b', 'a/b/c', 'a/b/d', 'a/g', 'a-b', 'a.txt', String.raw`a\xff\x5c\x0a`]
    expected.push('e', 'e/f', 'empty', 'z')
    for (const limit of [1, 2, 3, 5, 100]) expect(await allPages(limit, { recursive: true })).toEqual(expected)
    expect(await allPages(1)).toEqual(['a', 'a-b', 'a.txt', String.raw`a\xff\x5c\x0a`, 'e', 'empty', 'z'])
    expect(await allPages(2, { recursive: true, path: 'a' })).toEqual(['a/b', 'a/b/c', 'a/b/d', 'a/g'])
  })

  test('goes on where it was though that entry, or its folder, is gone', async () => {
    await make({ 'a/b/c': '', 'a/b/d': '', 'a/e': '', f: '' })
    const { next } = await list(root, '', { limit: 3, recursive: true })
    expect(next).toBe('a/b/c')
    await rm(join(root, 'a/b/c'))
    const options = { limit: 9, recursive: true, after: 'a/b/c' }
    expect((await list(root, '', options)).items.map((item) => item.path)).toEqual(['a/b/d', 'a/e', 'f'])
    await rm(join(root, 'a/b'), { recursive: true })
    expect((await list(root, '', options)).items.map((item) => item.path)).toEqual(['a/e', 'f'])
    await rm(join(root, 'a'), { recursive: true })
    expect((await list(root, '', options)).items.map((item) => item.path)).toEqual(['f'])
  })

  test('links to folders are listed, not entered', async () => {
    await symlink('../../outside', join(root, 'out'))
    await symlink('.', join(root, 'loop'))
    expect(await allPages(10, { recursive: true })).toEqual(['loop', 'out'])
    expect(await codeOf(list(root, 'out', { limit: 1 }))).toBe('bad_path')
  })

  test('only what matches', async () => {
    await make({ 'a.pt': '', 'deep/b.pt': '', 'deep/c.txt': '' })
    const { items } = await list(root, '', { limit: 10, recursive: true, glob: ['*.pt'] })
    expect(items.map((item) => item.path)).toEqual(['a.pt', 'deep/b.pt'])
  })

  test('survives times and names that no calendar and no text has', async () => {
    await make({ late: '', early: '' })
    await utimes(join(root, 'late'), 2 ** 33, 2 ** 33)
    execFileSync('touch', ['-d', '@-1000000000', join(root, 'early')])
    const { items } = await list(root, '', { limit: 10 })
    expect(items.map((item) => item.modifiedAt)).toEqual(['1970-01-01T00:00:00.000Z', '2242-03-16T12:56:32.000Z'])
  })

  test('says what is wrong with the folder', async () => {
    await make({ file: '' })
    expect(await codeOf(list(root, 'file', { limit: 1 }))).toBe('bad_path')
    expect(await codeOf(list(root, 'none', { limit: 1 }))).toBe('file_not_found')
    expect(await codeOf(list(root, '../outside', { limit: 1 }))).toBe('bad_path')
  })
})

describe('names as text', () => {
  test('any bytes there and back, no two alike', () => {
    const names = [
      'plain',
      'größe',
      '\\xff',
      '\\',
      'a\nb',
      '\u0085',
      '\u202e',
      '\xff',
      'a\xffb',
      '\x80ü',
      '~',
      '^]_[\\',
    ]
    const seen = new Set<string>()
    const all = names.flatMap((name) => [Buffer.from(name, 'latin1'), Buffer.from(name, 'utf8')])
    for (const name of new Set(all.map((bytes) => bytes.toString('latin1')))) {
      const shown = pathText(name)
      expect(shown).not.toMatch(/\p{Cc}/u)
      expect(pathBytes(shown)).toBe(name)
      expect(seen.has(shown)).toBe(false)
      seen.add(shown)
    }
  })
})

describe('stat', () => {
  test('does not follow the last link', async () => {
    await make({ 'a/file': 'hello' })
    await symlink('/etc/passwd', join(root, 'link'))
    expect(await stat(root, 'a/file')).toMatchObject({ path: 'a/file', type: 'file', sizeBytes: 5 })
    expect(await stat(root, 'a')).toMatchObject({ type: 'folder' })
    expect(await stat(root, '')).toMatchObject({ path: '', type: 'folder' })
    expect(await stat(root, 'link')).toMatchObject({ type: 'link' })
    expect(await codeOf(stat(root, 'none'))).toBe('file_not_found')
  })
})

describe('openRead', () => {
  test.each([
    [undefined, 0, '0123456789'],
    [{ start: 0 }, 0, '0123456789'],
    [{ start: 3 }, 3, '3456789'],
    [{ start: 3, end: 5 }, 3, '345'],
    [{ start: 9, end: 9 }, 9, '9'],
    [{ start: 3, end: 1000 }, 3, '3456789'],
    [{ start: -4 }, 6, '6789'],
    [{ start: -100 }, 0, '0123456789'],
  ])('range %j', async (range, start, content) => {
    await make({ file: '0123456789' })
    const opened = await openRead(root, 'file', range ? { range } : {})
    expect(opened).toMatchObject({ sizeBytes: 10, start, length: content.length })
    expect(await text(opened.stream)).toBe(content)
  })

  test.each([[{ start: 10 }], [{ start: 5, end: 4 }], [{ start: 100, end: 200 }]])('refuses %j', async (range) => {
    await make({ file: '0123456789' })
    expect(await codeOf(openRead(root, 'file', { range }))).toBe('bad_range')
  })

  test('an empty file', async () => {
    await make({ empty: '' })
    expect(await text((await openRead(root, 'empty')).stream)).toBe('')
    expect(await codeOf(openRead(root, 'empty', { range: { start: 0 } }))).toBe('bad_range')
  })

  test('gives as much as there was when it was opened', async () => {
    await make({ file: 'before' })
    const { stream, length } = await openRead(root, 'file')
    await writeFile(join(root, 'file'), ' and after', { flag: 'a' })
    expect(await text(stream)).toBe('before')
    expect(length).toBe(6)
  })

  test('follows links inside only, and opens no folder', async () => {
    await make({ file: 'hello' })
    await symlink('file', join(root, 'in'))
    await symlink('../../outside/secret', join(root, 'out'))
    expect(await text((await openRead(root, 'in')).stream)).toBe('hello')
    expect(await codeOf(openRead(root, 'out'))).toBe('bad_path')
    expect(await codeOf(openRead(root, ''))).toBe('bad_path')
  })

  test('closes the file when the reader goes', async () => {
    await make({ big: 'x'.repeat(1_000_000) })
    const before = (await readdir('/proc/self/fd')).length
    const { stream } = await openRead(root, 'big')
    stream.destroy()
    await expect.poll(async () => (await readdir('/proc/self/fd')).length).toBe(before)
  })
})

describe('write', () => {
  const hashOf = (content: string | Buffer) => createHash('sha256').update(content).digest('hex')

  test('makes the file and its folders, and replaces it whole', async () => {
    const big = randomBytes(300_000)
    expect(await write(root, 'a/b/file', Readable.from([big]))).toEqual({ sizeBytes: 300_000, sha256: hashOf(big) })
    expect(await readFile(join(root, 'a/b/file'))).toEqual(big)
    const old = await openRead(root, 'a/b/file')
    await write(root, 'a/b/file', Readable.from([Buffer.from('new')]), { executable: true })
    expect((await buffer(old.stream)).equals(big)).toBe(true)
    expect(await readFile(join(root, 'a/b/file'), 'utf8')).toBe('new')
    expect((await lstat(join(root, 'a/b/file'))).mode & 0o777).toBe(0o755)
    expect(await readdir(join(base, 'volumes/.staging'))).toEqual([])
  })

  test('an empty file', async () => {
    expect(await write(root, 'empty', Readable.from([]))).toEqual({ sizeBytes: 0, sha256: hashOf('') })
    expect(await checksumOf(root, 'empty', { now: 0 })).toMatchObject({ sha256: hashOf('') })
  })

  test('leaves the old file as it was when anything goes wrong', async () => {
    await make({ file: 'old', 'folder/x': '' })
    const source = () => Readable.from([Buffer.from('new')])
    const expectedSha256 = hashOf('other')
    expect(await codeOf(write(root, 'file', source(), { expectedSha256 }))).toBe('checksum_mismatch')
    const admit = () => {
      throw new AppError('quota_exceeded', { used: '1', quota: '1' })
    }
    expect(await codeOf(write(root, 'file', source(), { admit }))).toBe('quota_exceeded')
    const broken = new Readable({ read() {} })
    broken.push('ne')
    setImmediate(() => broken.destroy(new Error('connection lost')))
    expect(await codeOf(write(root, 'file', broken))).toBe('invalid')
    expect(await codeOf(write(root, 'folder', source()))).toBe('bad_path')
    expect(await codeOf(write(root, 'file/below', source()))).toBe('bad_path')
    expect(await codeOf(write(root, '', source()))).toBe('bad_path')
    expect(await codeOf(write(root, '../outside/x', source()))).toBe('bad_path')
    expect(await readFile(join(root, 'file'), 'utf8')).toBe('old')
    expect(await readdir(join(base, 'volumes/.staging'))).toEqual([])
    expect(await readdir(join(base, 'outside'))).toEqual(['secret'])
  })

  test('replaces a link rather than what it leads to', async () => {
    await symlink('../../outside/secret', join(root, 'link'))
    await write(root, 'link', Readable.from([Buffer.from('mine')]))
    expect((await lstat(join(root, 'link'))).isFile()).toBe(true)
    expect(await readFile(join(base, 'outside/secret'), 'utf8')).toBe('secret')
    await symlink('../../outside', join(root, 'folder'))
    expect(await codeOf(write(root, 'folder/secret', Readable.from([Buffer.from('x')])))).toBe('bad_path')
  })
})

describe('remove', () => {
  test('files, links and empty folders; a full folder only when asked to', async () => {
    await make({ file: '', 'full/inner/file': '' })
    await mkdir(join(root, 'empty'))
    await symlink('../../outside', join(root, 'link'))
    for (const path of ['file', 'empty', 'link']) await remove(root, path)
    expect(await codeOf(remove(root, 'full'))).toBe('conflict')
    await remove(root, 'full', { recursive: true })
    expect(await readdir(root)).toEqual([])
    expect(await readdir(join(base, 'volumes/.trash'))).toEqual([])
    expect(await readdir(join(base, 'outside'))).toEqual(['secret'])
    expect(await codeOf(remove(root, 'full'))).toBe('file_not_found')
  })

  test('never what lies outside', async () => {
    await symlink('../../outside', join(root, 'link'))
    expect(await codeOf(remove(root, 'link/secret'))).toBe('bad_path')
    expect(await codeOf(remove(root, '../../outside', { recursive: true }))).toBe('bad_path')
    expect(await codeOf(remove(root, '', { recursive: true }))).toBe('bad_path')
    await remove(root, 'link', { recursive: true })
    expect(await readdir(join(base, 'outside'))).toEqual(['secret'])
  })
})

describe('makeFolder', () => {
  test('with those above it, and again', async () => {
    await makeFolder(root, 'a/b/c')
    await makeFolder(root, 'a/b/c')
    expect((await lstat(join(root, 'a/b/c'))).isDirectory()).toBe(true)
    await make({ file: '' })
    expect(await codeOf(makeFolder(root, 'file'))).toBe('bad_path')
    expect(await codeOf(makeFolder(root, 'file/x'))).toBe('bad_path')
  })
})

describe('usage', () => {
  test('counts what is allocated, hard links once, no link followed', async () => {
    await make({ 'a/big': 'x'.repeat(100_000), small: 'x' })
    await link(join(root, 'a/big'), join(root, 'same'))
    await symlink('/etc', join(root, 'etc'))
    await writeFile(join(root, 'sparse'), '')
    await truncate(join(root, 'sparse'), 1e9)
    const disk = execFileSync('du', ['--block-size=1', '--summarize', root]).toString()
    const own = (await lstat(root)).blocks * 512
    expect(await usage(root)).toEqual({ bytes: Number.parseInt(disk, 10) - own, files: 4 })
  })

  test('does not mind files that come and go, and can be called off', async () => {
    await make(Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`d${n % 10}/f${n}`, 'x'])))
    const measuring = usage(root)
    await Promise.all(Array.from({ length: 10 }, (_, n) => rm(join(root, `d${n}`), { recursive: true })))
    expect((await measuring).files).toBeLessThanOrEqual(300)
    await expect(usage(root, AbortSignal.abort())).rejects.toThrowError(/abort/)
  })

  test('a tree nested deeper than any path may be', async () => {
    execFileSync('python3', [
      '-c',
      'import os,sys\nos.chdir(sys.argv[1])\nfor n in range(400): os.mkdir("d"*50); os.chdir("d"*50)',
      root,
    ])
    expect((await usage(root)).files).toBe(0)
    await remove(root, 'd'.repeat(50), { recursive: true })
    expect(await readdir(root)).toEqual([])
  })
})

describe('globs', () => {
  test.each([
    ['*.pt', ['a.pt', 'deep/b.pt', 'deep/er/c.pt']],
    ['deep/*.pt', ['deep/b.pt']],
    ['deep/**', ['deep/.hidden', 'deep/b.pt', 'deep/er/c.pt']],
    ['**/*.pt', ['a.pt', 'deep/b.pt', 'deep/er/c.pt']],
    ['{a,deep/b}.pt', ['a.pt', 'deep/b.pt']],
    ['[a-b].pt', ['a.pt', 'deep/b.pt']],
    ['!a.pt', []],
    ['.*', ['deep/.hidden']],
    ['@(a|b).pt', []],
  ])('%s', async (pattern, expected) => {
    await make({ 'a.pt': '', 'deep/b.pt': '', 'deep/er/c.pt': '', 'deep/.hidden': '' })
    await symlink('a.pt', join(root, 'link.pt'))
    expect(await globFiles(root, [pattern])).toEqual(expected)
  })

  test.each(['', '*'.repeat(3) + 'a*a*a*a*a*a*', 'x'.repeat(600), 'a\\b', 'a\0'])('refuses %j', (pattern) => {
    expect(() => makeMatcher([pattern])).toThrowError(AppError)
  })

  test.each(['../**', '/etc/*', '[', '{', '(((('])('%j matches nothing outside', async (pattern) => {
    await make({ 'a.pt': '' })
    expect(await globFiles(root, [pattern])).toEqual([])
  })
})
