import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync, zstdCompressSync } from 'node:zlib'

import { describe, expect, test } from 'vitest'

import { makeTar, makeZip, paxMember, type TarMember, type ZipMember } from './archive-bytes.ts'
import { open, place, refused, useArchivePlace } from './archive-fixture.ts'

useArchivePlace()

describe('hostile tar archives', () => {
  const file = (path: string | Buffer): TarMember => ({ path, content: 'x' })
  const link = (path: string, target: string): TarMember => ({ path, type: '2', target })
  const cases: [string, TarMember[], RegExp][] = [
    ['a path that goes up', [file('../outside/x')], /part \.\./],
    ['a path that goes up further in', [file('a/../../outside/x')], /part \.\./],
    ['a path that goes up and down again', [file('a/../b')], /part \.\./],
    ['an absolute path', [file('/tmp/x')], /absolute/],
    ['a path that goes up, in a pax header', [paxMember({ path: '../x' }), file('a')], /part \.\./],
    ['an absolute path in a pax header', [paxMember({ path: '/tmp/x' }), file('a')], /absolute/],
    ['a path that goes up, in a GNU header', [{ path: 'l', type: 'L', content: '../x\0' }, file('a')], /part \.\./],
    ['a folder that goes up', [{ path: '../x/', type: '5' }], /part \.\./],
    ['a backslash', [file('..\\x')], /backslash/],
    ['a control character', [file('a\nb')], /control character/],
    ['a name that is not UTF-8', [file(Buffer.from([0x61, 0xff]))], /not UTF-8/],
    ['a name that is too long', [paxMember({ path: 'n'.repeat(300) }), file('a')], /longer than 255/],
    ['a path that is too deep', [paxMember({ path: 'd/'.repeat(400) }), file('a')], /more than 256 parts/],
    ['a file without a name', [file('.')], /no name/],
    ['an absolute link', [link('l', '/etc/passwd')], /leads out/],
    ['a link that goes up', [link('l', '../outside')], /leads out/],
    ['a link that goes up further in', [link('a/b/l', '../../../outside')], /leads out/],
    ['a link that goes up by way of another', [link('d/here', '..'), link('l', 'd/here/../outside')], /leads out/],
    ['a chain of links', [link('a', 'b/..'), link('b', 'c/..'), link('c', '..')], /leads out/],
    ['a link with a long target in a pax header', [paxMember({ linkpath: '../x' }), link('l', 'a')], /leads out/],
    ['a link without a target', [link('l', '')], /target is not valid/],
    ['a file written through a link', [link('l', 'd'), file('l/x')], /not a folder/],
    ['a file written through a link out', [link('l', '../outside'), file('l/x')], /not a folder/],
    ['a file in a file', [file('f'), file('f/x')], /not a folder/],
    [
      'a folder that becomes a link',
      [{ path: 'd/', type: '5' }, link('d', '../outside'), file('d/x')],
      /something else/,
    ],
    ['a folder that becomes a file', [file('d/x'), file('d')], /something else/],
    ['a file that becomes a folder', [file('d'), { path: 'd/', type: '5' }], /something else/],
    ['a hard link out', [{ path: 'h', type: '1', target: '../outside/x' }], /part \.\./],
    ['an absolute hard link', [{ path: 'h', type: '1', target: '/etc/passwd' }], /absolute/],
    ['a hard link to nothing', [{ path: 'h', type: '1', target: 'a' }], /no file/],
    [
      'a hard link to a folder',
      [
        { path: 'd', type: '5' },
        { path: 'h', type: '1', target: 'd' },
      ],
      /no file/,
    ],
    ['a hard link to a link out', [link('l', '../o'), { path: 'h', type: '1', target: 'l' }], /leads out/],
    ['a character device', [{ path: 'dev', type: '3' }], /a device/],
    ['a block device', [{ path: 'dev', type: '4' }], /a device/],
    ['a pipe', [{ path: 'pipe', type: '6' }], /a named pipe/],
    ['a sparse file', [{ path: 's', type: 'S' }], /sparse/],
    ['a sparse file in pax', [paxMember({ 'GNU.sparse.major': '1' }), file('s')], /sparse/],
    ['an unknown kind', [{ path: 'x', type: 'Z' }], /unknown kind/],
    ['a header of its own that is too large', [{ path: 'x', type: 'x', size: 2 ** 30 }], /too large/],
    ['a size that is negative', [paxMember({ size: '-1' }), file('a')], /size/],
    ['a size beyond all numbers', [paxMember({ size: '9'.repeat(30) }), file('a')], /size/],
    ['a header that is damaged', [{ path: 'x', type: 'x', content: '99 path=a\n' }, file('a')], /damaged/],
    ['a size that is larger than the archive', [{ path: 'a', content: 'x', size: 100_000 }], /too early/],
  ]

  test.each(cases)('%s', async (_name, members, reason) => {
    await refused(makeTar(members), 'bad_archive', reason)
    await refused(gzipSync(makeTar(members)), 'bad_archive', reason)
  })

  test('links that go round do no harm', async () => {
    await open(makeTar([link('a', 'b'), link('b', 'a'), link('self', 'self/x')]))
    expect((await readdir(place.target)).sort()).toEqual(['a', 'b', 'self'])
  })

  test('a folder of the archive never changes the permissions of its root', async () => {
    await open(makeTar([{ path: '.', type: '5', mode: 0 }, { path: 'd/', type: '5', mode: 0 }, file('d/x')]))
    expect((await lstat(place.target)).mode & 0o777).toBe(0o755)
    expect((await lstat(join(place.target, 'd'))).mode & 0o777).toBe(0o755)
  })
})

describe('hostile zip archives', () => {
  const zeros = (size: number) => Buffer.alloc(size)
  const cases: [string, ZipMember[], RegExp][] = [
    ['a path that goes up', [{ path: '../x' }], /\.\./],
    ['a path that goes up by backslashes', [{ path: '..\\x' }], /\.\./],
    ['an absolute path', [{ path: '/tmp/x' }], /absolute/],
    ['a drive letter', [{ path: 'C:/x' }], /absolute/],
    ['a link out', [{ path: 'l', mode: 0o120777, content: '../outside' }], /leads out/],
    ['an absolute link', [{ path: 'l', mode: 0o120777, content: '/etc/passwd' }], /leads out/],
    ['a file written through a link', [{ path: 'l', mode: 0o120777, content: 'd' }, { path: 'l/x' }], /not a folder/],
    ['a link with an endless target', [{ path: 'l', mode: 0o120777, content: 'x'.repeat(10_000) }], /too long/],
    ['a device', [{ path: 'd', mode: 0o060666 }], /device/],
    ['a pipe', [{ path: 'd', mode: 0o010666 }], /device/],
    ['something encrypted', [{ path: 'a', flags: 1, deflate: true }], /encrypted/],
    ['a size that is too small, of a large file', [{ path: 'a', content: zeros(1e6), deflate: true, size: 1e5 }], /./],
    ['a size that is too large, of a large file', [{ path: 'a', content: zeros(1e5), deflate: true, size: 1e6 }], /./],
    ['a wrong checksum of a large file', [{ path: 'a', content: zeros(1e5), deflate: true, crc: 1 }], /damaged/],
    ['an unknown method', [{ path: 'a', content: 'x', method: 99 }], /method/],
    ['a wrong checksum', [{ path: 'a', content: 'x', crc: 1 }], /damaged/],
    ['a size that is too small', [{ path: 'a', content: 'x'.repeat(1000), deflate: true, size: 1 }], /./],
    ['a size that is too large', [{ path: 'a', content: 'x'.repeat(10), deflate: true, size: 99 }], /./],
    ['the same name as file and folder', [{ path: 'a' }, { path: 'a/' }], /something else/],
  ]

  test.each(cases)('%s', async (_name, members, reason) => {
    await refused(makeZip(members), 'bad_archive', reason)
  })

  test('special bits are dropped', async () => {
    await open(makeZip([{ path: 'a', mode: 0o106755, content: 'x' }]))
    expect((await lstat(join(place.target, 'a'))).mode & 0o7777).toBe(0o755)
  })
})

describe('bombs', () => {
  const zeros = Buffer.alloc(3_000_000)
  const ratio = { unpackRatio: 20, bombFloorBytes: 100_000 }

  test.each([
    ['tar.gz', gzipSync(makeTar([{ path: 'a', content: zeros }]))],
    ['zip', makeZip([{ path: 'a', content: zeros, deflate: true }])],
    [
      'zip of many',
      makeZip(Array.from({ length: 30 }, (_, n) => ({ path: `${n}`, content: zeros.subarray(0, 1e5), deflate: true }))),
    ],
    ['tar.zst', zstdCompressSync(makeTar([{ path: 'a', content: zeros }]))],
    ['padding after the end', gzipSync(Buffer.concat([makeTar([{ path: 'a' }]), zeros]))],
  ])('by ratio: %s', async (_name, archive) => {
    await refused(archive, 'archive_too_large', /more than 20 times its size/, { bounds: ratio })
  })

  test('a high ratio is fine below the floor', async () => {
    await open(gzipSync(makeTar([{ path: 'a', content: Buffer.alloc(90_000) }])), { bounds: ratio })
    expect((await lstat(join(place.target, 'a'))).size).toBe(90_000)
  })

  test('by size', async () => {
    const archive = makeTar([{ path: 'a', content: zeros }])
    const bounds = { unpackedBytes: 1024 * 1024 }
    for (const one of [archive, gzipSync(archive), makeZip([{ path: 'a', content: zeros }])]) {
      await refused(one, 'archive_too_large', /more than 1 MiB/, { bounds })
    }
  })

  test.each([
    ['files', Array.from({ length: 11 }, (_, n) => ({ path: `${n}` }))],
    ['one file over and over', Array.from({ length: 11 }, () => ({ path: 'a' }))],
    ['folders on the way to one file', [{ path: `${'d/'.repeat(11)}f` }]],
  ])('by number: %s', async (_name, members) => {
    const bounds = { unpackedEntries: 10 }
    await refused(makeTar(members), 'archive_too_large', /more than 10 files/, { bounds })
    await refused(makeZip(members), 'archive_too_large', /more than 10 files/, { bounds })
  })

  test('the upload itself, while it is sent', async () => {
    let sent = 0
    const endless = Readable.from(
      (function* () {
        yield makeTar([{ path: 'a', content: zeros, size: 2 ** 32 }], { end: false })
        for (; sent < 1e9; sent += 100_000) yield zeros.subarray(0, 100_000)
      })(),
    )
    await refused(endless, 'body_too_large', /larger than 4 MiB/, { bounds: { uploadBytes: 4 * 1024 * 1024 } })
    expect(sent).toBeLessThan(5e6)
    // The rest is left for whoever sent it to be told.
    expect(endless.destroyed).toBe(false)
    endless.destroy()
  })
})
