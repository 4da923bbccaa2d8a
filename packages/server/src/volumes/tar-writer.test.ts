import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, chmodSync, rmSync, truncateSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { unpack } from './archive.ts'
import { makeMatcher } from './glob.ts'
import type { PackOptions } from './members.ts'
import { packTar } from './tar-writer.ts'
import { treeDigest } from './tree-digest.ts'

let base: string
let root: string
let out: string

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'tar-writer-'))
  root = join(base, 'root')
  out = join(base, 'out')
  await mkdir(root)
  await mkdir(out)
})

afterEach(() => rm(base, { recursive: true, force: true }))

/** The names in an archive, as GNU tar reads them. */
async function names(options: PackOptions = {}): Promise<string[]> {
  const archive = await buffer(packTar(root, options))
  return execFileSync('tar', ['-tf', '-', '--quoting-style=literal'], { input: archive }).toString().trim().split('\n')
}

async function sample() {
  await mkdir(join(root, 'a/b'), { recursive: true })
  await mkdir(join(root, 'empty'))
  await writeFile(join(root, 'a/b/data'), randomBytes(700_001))
  await writeFile(join(root, 'a/run.sh'), '#!/bin/sh\n', { mode: 0o755 })
  await writeFile(join(root, 'a/block'), 'x'.repeat(512))
  await writeFile(join(root, 'none'), '')
  await writeFile(join(root, 'größe 大'), 'x')
  const deep = Array.from({ length: 8 }, () => 'ünder-the-sea'.repeat(7)).join('/')
  await mkdir(join(root, deep), { recursive: true })
  await writeFile(join(root, deep, 'n'.repeat(255)), 'deep')
  await symlink('b/data', join(root, 'a/link'))
  await symlink(`${'long/'.repeat(40)}target`, join(root, 'dangling'))
}

describe('packTar', () => {
  test.each([[false], [true]])('GNU tar and our own reader unpack the same tree (gzip: %s)', async (gzip) => {
    await sample()
    const archive = await buffer(packTar(root, { gzip }))
    execFileSync('tar', [gzip ? '-xzf' : '-xf', '-', '-C', out], { input: archive })
    expect(await treeDigest(out)).toBe(await treeDigest(root))
    const target = join(base, 'volumes/again')
    await mkdir(join(base, 'volumes'))
    const { digest } = await unpack(Readable.from([archive]), target, { signal: new AbortController().signal })
    expect(digest).toBe(await treeDigest(root))
  })

  test('only what was asked for, each once', async () => {
    await sample()
    expect(await names({ paths: ['a/b', 'none', 'a/b/data', 'a/link'] })).toEqual([
      'a/b/',
      'a/b/data',
      'a/link',
      'none',
    ])
    expect(await names({ matches: makeMatcher(['*.sh', 'block']) })).toEqual(['a/block', 'a/run.sh'])
    expect(await names({ paths: ['a/b', 'none'], matches: makeMatcher(['data']) })).toEqual(['a/b/data'])
  })

  test('an empty folder makes an empty archive', async () => {
    expect((await buffer(packTar(root))).equals(Buffer.alloc(1024))).toBe(true)
  })

  test.each([
    ['what is not there', 'nothing', 'file_not_found'],
    ['what lies outside', '../out', 'bad_path'],
    ['what lies beyond a link', 'out/x', 'bad_path'],
  ])('fails at once for %s', async (_name, path, code) => {
    await symlink('../out', join(root, 'out'))
    await writeFile(join(out, 'x'), 'secret')
    await expect(buffer(packTar(root, { paths: [path] }))).rejects.toMatchObject({ code })
    await expect(buffer(packTar(root, { paths: [path], gzip: true }))).rejects.toMatchObject({ code })
  })

  test('links are packed as links, never what they lead to', async () => {
    await writeFile(join(out, 'x'), 'secret')
    await symlink('../out', join(root, 'folder'))
    await symlink('../out/x', join(root, 'file'))
    const archive = await buffer(packTar(root))
    expect(archive.includes('secret')).toBe(false)
    expect((await buffer(packTar(root, { paths: ['file', 'folder'] }))).includes('secret')).toBe(false)
    expect(execFileSync('tar', ['-tvf', '-'], { input: archive }).toString()).toMatch(/file -> ..\/out\/x/)
  })

  test('leaves out devices and pipes, and writes odd names readably', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')])
    await writeFile(Buffer.concat([Buffer.from(`${root}/odd`), Buffer.from([0xff, 0x0a])]), 'x')
    await writeFile(join(root, 'late'), 'x')
    await utimes(join(root, 'late'), 1e11, 1e11)
    expect(await names()).toEqual(['late', String.raw`odd\xff\x0a`])
  })

  /** Packs, and calls `change` when the first bytes of `big` come by. */
  async function packWhile(change: () => void): Promise<Buffer> {
    const chunks: Buffer[] = []
    let changed = false
    for await (const chunk of packTar(root) as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      if (!changed && chunk.includes('marker')) {
        changed = true
        change()
      }
    }
    expect(changed).toBe(true)
    return Buffer.concat(chunks)
  }

  test.each([
    ['grows', () => appendFileSync(join(root, 'big'), 'more'.repeat(1e6)), 4_000_000],
    ['shrinks', () => truncateSync(join(root, 'big'), 100), 4_000_000],
    ['vanishes', () => rmSync(join(root, 'big')), 4_000_000],
  ])('the archive stays whole when a file %s while it is read', async (_name, change, size) => {
    await writeFile(join(root, 'big'), `marker${'x'.repeat(size - 6)}`)
    await writeFile(join(root, 'z-after'), 'after')
    const archive = await packWhile(change)
    execFileSync('tar', ['-xf', '-', '-C', out], { input: archive })
    expect((await readFile(join(out, 'big'))).length).toBe(size)
    expect(await readFile(join(out, 'z-after'), 'utf8')).toBe('after')
  })

  test('what vanishes before its turn is left out', async () => {
    await writeFile(join(root, 'a'), `marker${'x'.repeat(1e6)}`)
    await mkdir(join(root, 'folder'))
    await writeFile(join(root, 'folder/inner'), 'x')
    await writeFile(join(root, 'z'), 'x')
    const archive = await packWhile(() => {
      rmSync(join(root, 'folder'), { recursive: true })
      rmSync(join(root, 'z'))
    })
    execFileSync('tar', ['-xf', '-', '-C', out], { input: archive })
    expect(await readdir(out)).toContain('a')
    expect(await readdir(out)).not.toContain('z')
  })

  test('closes what it has open when the reader goes', async () => {
    await sample()
    const before = (await readdir('/proc/self/fd')).length
    for (const gzip of [false, true]) {
      const stream = packTar(root, { gzip })
      await stream[Symbol.asyncIterator]().next()
      stream.destroy()
    }
    await expect.poll(async () => (await readdir('/proc/self/fd')).length).toBe(before)
  })

  test('a file of a size that tar has no octal digits for', async () => {
    execFileSync('truncate', ['-s', '9G', join(root, 'huge')])
    chmodSync(join(root, 'huge'), 0o644)
    const stream = packTar(root)
    const first = await stream[Symbol.asyncIterator]().next()
    stream.destroy()
    const listed = execFileSync('sh', ['-c', 'tar -tvf - 2>/dev/null || true'], { input: first.value as Buffer })
    expect(listed.toString()).toMatch(/9663676416 .* huge/)
  })
})
