import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { unpack } from './archive.ts'
import { makeTar, makeZip } from './archive-bytes.ts'
import { freeBytes, openBallast } from './ballast.ts'
import { makeFolder, write } from './folder.ts'
import { receiveTar } from './receive-tar.ts'
import { UploadStore } from './upload-store.ts'

const MiB = 1024 * 1024
const diskSize = 8 * MiB

/** Whether a small disk of our own can be mounted: as root, where the kernel lets root do so. */
function canMount(): boolean {
  if (process.getuid?.() !== 0) return false
  const script = 'd=$(mktemp -d) && mount -t tmpfs -o size=1m none "$d" && umount "$d"; code=$?; rmdir "$d"; exit $code'
  return spawnSync('sh', ['-c', script]).status === 0
}

describe.skipIf(!canMount())('on a disk that is full (needs root, to mount one)', () => {
  let disk: string

  beforeEach(async () => {
    disk = await mkdtemp(join(tmpdir(), 'full-disk-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskSize}`, 'none', disk])
  })

  afterEach(async () => {
    execFileSync('umount', [disk])
    await rm(disk, { recursive: true })
  })

  /** Takes all the space that is left. */
  async function fill() {
    await writeFile(join(disk, 'filler'), randomBytes(diskSize)).catch((error: NodeJS.ErrnoException) => {
      expect(error.code).toBe('ENOSPC')
    })
    expect(await freeBytes(disk)).toBe(0)
  }

  test('unpacking says so and leaves nothing behind', async () => {
    await mkdir(join(disk, 'volumes'))
    const content = randomBytes(2 * diskSize)
    for (const archive of [makeTar([{ path: 'a', content }]), makeZip([{ path: 'a', content }])]) {
      const unpacking = unpack(Readable.from([archive]), join(disk, 'volumes/target'), {
        signal: new AbortController().signal,
      })
      await expect(unpacking).rejects.toMatchObject({ code: 'disk_full' })
      expect(await readdir(join(disk, 'volumes/.staging'))).toEqual([])
      expect(await readdir(join(disk, 'volumes'))).toEqual(['.staging'])
    }
    expect(await freeBytes(disk)).toBeGreaterThan(diskSize - MiB)
  })

  test('writing a file says so and keeps the old one', async () => {
    const root = join(disk, 'volumes/storage')
    await mkdir(root, { recursive: true })
    await writeFile(join(root, 'file'), 'old')
    const writing = write(root, 'file', Readable.from([randomBytes(diskSize)]))
    await expect(writing).rejects.toMatchObject({ code: 'disk_full' })
    expect(await readFile(join(root, 'file'), 'utf8')).toBe('old')
    expect(await readdir(join(disk, 'volumes/.staging'))).toEqual([])
  })

  test('a part of an upload says so, and what arrived before stays', async () => {
    const root = join(disk, 'volumes/vo1')
    await mkdir(root, { recursive: true })
    const store = new UploadStore(disk)
    const content = randomBytes(2 * diskSize)
    const plan = { path: 'f', sizeBytes: content.length, sha256: null, modifiedMs: null, executable: false }
    const upload = await store.begin('vo1', 'up1', plan, 0)
    const append = (offset: number, end: number) =>
      store.append('vo1', upload, { offset, source: Readable.from([content.subarray(offset, end)]), now: () => 0 })
    expect(await append(0, MiB)).toMatchObject({ offsetBytes: MiB })
    await expect(append(MiB, content.length)).rejects.toMatchObject({ code: 'disk_full' })
    const there = await store.find('vo1', 'up1')
    expect(there?.offsetBytes).toBe(MiB)
    expect(await append(MiB, 2 * MiB)).toMatchObject({ offsetBytes: 2 * MiB })
    await store.cancel('vo1', 'up1')
    expect(await freeBytes(disk)).toBeGreaterThan(diskSize - MiB)
  })

  test('a tar of many files says so, and leaves those in place that were', async () => {
    const root = join(disk, 'volumes/vo1')
    await mkdir(root, { recursive: true })
    await writeFile(join(root, 'a'), 'old')
    const tar = makeTar([
      { path: 'a', content: Buffer.from('new') },
      { path: 'b', content: randomBytes(diskSize) },
    ])
    await expect(receiveTar(root, '', Readable.from([tar]), () => {})).rejects.toMatchObject({ code: 'disk_full' })
    expect(await readFile(join(root, 'a'), 'utf8')).toBe('old')
    expect(await readdir(join(disk, 'volumes/.staging'))).toEqual([])
  })

  test('making folders says so', async () => {
    execFileSync('mount', ['-o', 'remount,nr_inodes=12', disk])
    const making = (async () => {
      for (let n = 0; n < 20; n++) await makeFolder(disk, `folder-${n}`)
    })()
    await expect(making).rejects.toMatchObject({ code: 'disk_full' })
  })

  test('the ballast makes room, and comes back when there is space again', async () => {
    const ballast = await openBallast(disk, 2 * MiB)
    expect(ballast.isReleased).toBe(false)
    expect((await stat(join(disk, 'ballast'))).blocks * 512).toBe(2 * MiB)
    await fill()
    await expect(writeFile(join(disk, 'journal'), randomBytes(MiB))).rejects.toThrowError(/ENOSPC/)
    await ballast.release()
    expect(ballast.isReleased).toBe(true)
    await writeFile(join(disk, 'journal'), randomBytes(MiB))
    expect(await ballast.restore()).toBe(false)
    expect(ballast.isReleased).toBe(true)
    await rm(join(disk, 'filler'))
    expect(await ballast.restore()).toBe(true)
    expect(ballast.isReleased).toBe(false)
    expect((await readdir(disk)).sort()).toEqual(['ballast', 'journal'])
  })

  test('a start on a full disk goes without ballast', async () => {
    await fill()
    const ballast = await openBallast(disk, 2 * MiB)
    expect(ballast.isReleased).toBe(true)
    await ballast.release()
    expect(await readdir(disk)).toEqual(['filler'])
  })
})

describe('ballast', () => {
  test('is found again, and made anew if it is not whole', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'ballast-'))
    try {
      await openBallast(dir, MiB)
      const made = await stat(join(dir, 'ballast'))
      expect((await openBallast(dir, MiB)).isReleased).toBe(false)
      expect((await stat(join(dir, 'ballast'))).ino).toBe(made.ino)
      execFileSync('truncate', ['-s', '0', join(dir, 'ballast')])
      execFileSync('truncate', ['-s', String(MiB), join(dir, 'ballast')])
      expect((await openBallast(dir, MiB)).isReleased).toBe(false)
      expect((await stat(join(dir, 'ballast'))).blocks * 512).toBeGreaterThanOrEqual(MiB)
    } finally {
      await rm(dir, { recursive: true })
    }
  })

  test('freeBytes counts what anybody may write', async () => {
    const line = execFileSync('df', ['--block-size=1', '--output=avail', tmpdir()]).toString().split('\n')[1]
    // Others write to the same disk meanwhile.
    expect(Math.abs((await freeBytes(tmpdir())) - Number(line))).toBeLessThan(1024 * MiB)
  })
})
