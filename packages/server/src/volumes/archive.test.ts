import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmod, link, lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync, zstdCompressSync } from 'node:zlib'

import { describe, expect, test } from 'vitest'

import { AppError } from '../lib/app-error.ts'
import { makeTar, makeZip, paxMember, type TarMember } from './archive-bytes.ts'
import { expectNothingLeft, open, pieces, place, refused, useArchivePlace } from './archive-fixture.ts'
import { treeDigest } from './tree-digest.ts'

useArchivePlace()

/** An ordinary tree, as a user may have it. */
async function makeSample(dir: string) {
  await mkdir(join(dir, 'src/deep/er'), { recursive: true })
  await mkdir(join(dir, 'empty'))
  await writeFile(join(dir, 'train.py'), 'print("hi")\n')
  await writeFile(join(dir, 'run.sh'), '#!/bin/sh\n')
  await chmod(join(dir, 'run.sh'), 0o755)
  await writeFile(join(dir, 'none'), '')
  await writeFile(join(dir, 'src/deep/er/größe 大.txt'), 'x'.repeat(5000))
  await writeFile(join(dir, `src/${'long-'.repeat(45)}`), randomBytes(200_000))
  await symlink('../train.py', join(dir, 'src/link'))
  await symlink('missing', join(dir, 'dangling'))
}

describe('ordinary archives', () => {
  const packers: [string, (dir: string, file: string) => void][] = [
    ['tar, GNU', (dir, file) => execFileSync('tar', ['--format=gnu', '-cf', file, '-C', dir, '.'])],
    ['tar, pax', (dir, file) => execFileSync('tar', ['--format=posix', '-cf', file, '-C', dir, '.'])],
    ['tar.gz', (dir, file) => execFileSync('tar', ['-czf', file, '-C', dir, '.'])],
    ['zip', (dir, file) => execFileSync('zip', ['-qry', file, '.'], { cwd: dir })],
    [
      'zip by Python, without folders',
      (dir, file) => execFileSync('python3', ['-c', pythonZip, file], { cwd: dir, stdio: 'inherit' }),
    ],
    ['tar by Python', (dir, file) => execFileSync('python3', ['-c', pythonTar, file], { cwd: dir })],
  ]
  const pythonTar = 'import sys,tarfile\nwith tarfile.open(sys.argv[1], "w:gz") as t: t.add(".")'
  const pythonZip = `
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
    for base, folders, files in os.walk("."):
        for name in files + [f for f in folders if not os.listdir(os.path.join(base, f))]:
            path = os.path.join(base, name)
            if os.path.islink(path):
                info = zipfile.ZipInfo(path); info.create_system = 3; info.external_attr = 0o120777 << 16
                z.writestr(info, os.readlink(path))
            else:
                z.write(path)
`

  test.each(packers)('%s: the same tree and the same digest', async (_name, pack) => {
    const sample = join(place.outside, 'sample')
    await makeSample(sample)
    const file = join(place.outside, 'archive')
    pack(sample, `${file}.zip`)
    const summary = await open(await readFile(`${file}.zip`))
    expect(summary.digest).toBe(await treeDigest(sample))
    expect(await treeDigest(place.target)).toBe(summary.digest)
    expect(summary.files).toBe(5)
    expect(summary.bytes).toBe(12 + 10 + 0 + 5000 + 200_000)
    expect(execFileSync('diff', ['-r', '--no-dereference', sample, place.target]).toString()).toBe('')
    expect((await lstat(join(place.target, 'run.sh'))).mode & 0o777).toBe(0o755)
    expect((await lstat(join(place.target, 'train.py'))).mode & 0o777).toBe(0o644)
    expect((await lstat(join(place.target, 'src'))).mode & 0o777).toBe(0o755)
    expect(await readlink(join(place.target, 'src/link'))).toBe('../train.py')
    expect(await readdir(join(place.base, 'volumes/.staging'))).toEqual([])
  })

  test('v7 and ustar, as far as they go', async () => {
    const sample = join(place.outside, 'sample')
    await mkdir(join(sample, 'folder'), { recursive: true })
    await writeFile(join(sample, 'folder/file'), 'hello')
    for (const format of ['v7', 'ustar']) {
      const summary = await open(execFileSync('tar', [`--format=${format}`, '-c', '-C', sample, '.']))
      expect(summary.digest).toBe(await treeDigest(sample))
      await rm(place.target, { recursive: true })
    }
  })

  test('tar.zst', async () => {
    const { digest } = await open(zstdCompressSync(makeTar([{ path: 'a', content: 'hello' }])))
    expect(digest).toBe(await treeDigest(place.target))
    expect(await readFile(join(place.target, 'a'), 'utf8')).toBe('hello')
  })

  test('an empty folder that is there is filled; one that is not empty is left alone, unless it is to be replaced', async () => {
    await mkdir(place.target)
    await open(makeTar([{ path: 'a' }]))
    await expect(open(makeTar([{ path: 'b' }]))).rejects.toMatchObject({ code: 'conflict' })
    expect(await readdir(place.target)).toEqual(['a'])
    await open(makeTar([{ path: 'b' }]), { replace: true })
    expect(await readdir(place.target)).toEqual(['b'])
    expect(await readdir(join(place.base, 'volumes/.trash'))).toEqual([])
  })

  test.each([
    ['tar', makeTar([])],
    ['tar.gz', gzipSync(makeTar([]))],
    ['zip', makeZip([])],
    ['tar with only its root', makeTar([{ path: './', type: '5' }])],
  ])('an empty %s makes an empty folder', async (_name, archive) => {
    expect(await open(archive)).toMatchObject({ files: 0, bytes: 0 })
    expect(await readdir(place.target)).toEqual([])
  })

  test('hard links inside are kept, also to a link', async () => {
    const sample = join(place.outside, 'sample')
    await mkdir(sample)
    await writeFile(join(sample, 'a'), 'hello')
    await link(join(sample, 'a'), join(sample, 'b'))
    await symlink('a', join(sample, 'c'))
    await link(join(sample, 'c'), join(sample, 'd'))
    const summary = await open(execFileSync('tar', ['-c', '-C', sample, '.']))
    expect(summary).toMatchObject({ files: 2, bytes: 10, digest: await treeDigest(sample) })
    expect((await lstat(join(place.target, 'a'))).nlink).toBe(2)
    expect(await readlink(join(place.target, 'd'))).toBe('a')
  })

  test('a file that comes twice is taken as it came last, and its other name keeps what it had', async () => {
    await open(
      makeTar([
        { path: 'a', content: 'first', mode: 0o755 },
        { path: 'b', type: '1', target: 'a' },
        { path: './a', content: 'second' },
      ]),
    )
    expect(await readFile(join(place.target, 'a'), 'utf8')).toBe('second')
    expect(await readFile(join(place.target, 'b'), 'utf8')).toBe('first')
    expect((await lstat(join(place.target, 'a'))).mode & 0o777).toBe(0o644)
  })

  test('names that differ in case only stay apart, and special bits are dropped', async () => {
    await open(
      makeTar([
        { path: 'README', content: '1' },
        { path: 'readme', content: '2', mode: 0o6755 },
      ]),
    )
    expect((await readdir(place.target)).sort()).toEqual(['README', 'readme'])
    expect((await lstat(join(place.target, 'readme'))).mode & 0o7777).toBe(0o755)
  })

  test('names are literal: nothing in them is decoded', async () => {
    const names = ['%2e%2e', '..;', '...', '$(id)', '-rf', '~', 'a b', '\u202e', '．．']
    await open(makeTar(names.map((path) => ({ path }))))
    expect((await readdir(place.target)).sort()).toEqual(names.sort())
  })

  test('backslashes of old Windows tools are slashes', async () => {
    await open(makeZip([{ path: 'folder\\file', content: 'x' }]))
    expect(await readFile(join(place.target, 'folder/file'), 'utf8')).toBe('x')
  })

  test('long names whose characters are split between two pieces', async () => {
    const path = Array.from({ length: 30 }, () => 'ö'.repeat(50)).join('/')
    const archive = makeTar([paxMember({ path }), { path: 'short', content: 'x' }])
    for (const size of [1, 511, 513, 700]) {
      await open(Readable.from(pieces(archive, size)))
      expect(await readFile(join(place.target, path), 'utf8')).toBe('x')
      await rm(place.target, { recursive: true })
    }
  })

  test('the checksum of what was sent is checked', async () => {
    const archive = makeTar([{ path: 'a' }])
    const expectedSha256 = createHash('sha256').update(archive).digest('hex')
    await open(archive, { expectedSha256 })
    await rm(place.target, { recursive: true })
    await refused(Buffer.concat([archive, Buffer.from('more')]), 'checksum_mismatch', /expected SHA-256/, {
      expectedSha256,
    })
  })
})

describe('the digest', () => {
  async function digestOf(members: TarMember[]) {
    const { digest } = await open(makeTar(members))
    expect(await treeDigest(place.target)).toBe(digest)
    await rm(place.target, { recursive: true })
    return digest
  }

  test('tells apart whatever differs, and nothing else', async () => {
    const digests = [
      await digestOf([{ path: 'a', content: 'x' }]),
      await digestOf([{ path: 'b', content: 'x' }]),
      await digestOf([{ path: 'a', content: 'y' }]),
      await digestOf([{ path: 'a', content: 'x', mode: 0o755 }]),
      await digestOf([{ path: 'a', type: '2', target: 'x' }]),
      await digestOf([{ path: 'a', type: '5' }]),
      await digestOf([{ path: 'a/b', content: 'x' }]),
      await digestOf([]),
    ]
    expect(new Set(digests).size).toBe(digests.length)
    expect(await digestOf([{ path: './a', content: 'x', mode: 0o600 }])).toBe(digests[0])
    expect(
      await digestOf([
        { path: 'a/', type: '5' },
        { path: 'a/b', content: 'x' },
      ]),
    ).toBe(digests[6])
  })

  test('does not depend on the order of members', async () => {
    const members = ['a/b', 'a.c', 'a-b', 'a', 'ä', 'z/1', 'z/0']
      .filter((path) => path !== 'a')
      .map((path) => ({ path }))
    expect(await digestOf(members)).toBe(await digestOf(members.toReversed()))
  })
})

describe('damaged archives', () => {
  const tar = makeTar([
    { path: 'a', content: randomBytes(5000) },
    { path: 'b', content: 'x' },
  ])

  test.each([
    ['nothing at all', Buffer.alloc(0), /empty/],
    ['one byte', Buffer.from('x'), /neither zip nor tar/],
    ['text', Buffer.from('hello '.repeat(1000)), /neither zip nor tar/],
    ['a tar.xz', Buffer.from('fd377a585a000004e6d6b446', 'hex'), /packed with xz.*tar\.gz or tar\.zst/],
    ['a tar.bz2', Buffer.from('425a683931415926', 'hex'), /packed with bzip2/],
    ['a gzip of text', gzipSync('hello '.repeat(1000)), /damaged, or not a tar/],
    ['a gzip of nothing', gzipSync(''), /too early/],
    ['a tar cut in a file', tar.subarray(0, 3000), /too early/],
    ['a tar cut in a header', tar.subarray(0, 5632 + 100), /too early/],
    ['a tar cut before its end', tar.subarray(0, tar.length - 1024), /too early/],
    ['a tar.gz cut short', gzipSync(tar).subarray(0, 4000), /too early/],
    ['a tar.gz with a flipped bit', flip(gzipSync(tar), 2000), /damaged/],
    ['a tar.zst cut short', zstdCompressSync(tar).subarray(0, 3000), /too early|damaged/],
    ['a zip cut short', makeZip([{ path: 'a', content: 'x'.repeat(3000) }]).subarray(0, 2000), /./],
    ['a zip that is only a beginning', Buffer.from('PK\x03\x04'), /./],
    ['a checksum that is wrong', flip(tar, 5), /neither zip nor tar/],
  ])('%s', async (_name, archive, reason) => {
    await refused(archive, 'bad_archive', reason)
  })

  function flip(archive: Buffer, at: number): Buffer {
    const flipped = Buffer.from(archive)
    flipped[at] = (flipped[at] ?? 0) ^ 0x55
    return flipped
  }

  test('garbage of any kind is refused, never a bug', async () => {
    for (let seed = 0; seed < 60; seed++) {
      const [base = tar] = [
        [tar, gzipSync(tar), makeZip([{ path: 'a', content: 'x'.repeat(500), deflate: true }])][seed % 3],
      ]
      const archive = Buffer.from(base)
      for (let n = 0; n < 3; n++) archive[(seed * 7919 + n * 104_729) % archive.length] = (seed * 31 + n * 17) % 256
      await open(archive).catch((error: unknown) => expect(error).toBeInstanceOf(AppError))
      await rm(place.target, { recursive: true, force: true })
    }
    expect(await readdir(join(place.base, 'volumes/.staging'))).toEqual([])
  })

  test('an upload that breaks off', async () => {
    const source = new Readable({ read() {} })
    source.push(tar.subarray(0, 2000))
    setImmediate(() => source.destroy(new Error('connection lost')))
    await refused(source, 'bad_archive', /broke off/)
  })

  test('an upload that is called off', async () => {
    const source = new Readable({ read() {} })
    source.push(gzipSync(tar).subarray(0, 2000))
    const controller = new AbortController()
    setImmediate(() => controller.abort(new Error('called off')))
    await expect(open(source, { signal: controller.signal })).rejects.toThrowError('called off')
    expect(source.destroyed).toBe(true)
    await expectNothingLeft()
  })
})

describe('leaks', () => {
  test('no file stays open, whether it goes well or not', async () => {
    const archives = [
      makeTar([{ path: 'a' }]),
      gzipSync(makeTar([{ path: '../a' }])),
      makeZip([{ path: 'a', content: 'x', crc: 1 }]),
      makeZip([{ path: 'a', content: 'x' }]),
      gzipSync('no tar'),
    ]
    const openOnes = async () => {
      for (const archive of archives) {
        await open(archive).catch(() => {})
        await rm(place.target, { recursive: true, force: true })
      }
    }
    await openOnes()
    const before = (await readdir('/proc/self/fd')).length
    await openOnes()
    await expect.poll(async () => (await readdir('/proc/self/fd')).length).toBeLessThanOrEqual(before)
  })
})
