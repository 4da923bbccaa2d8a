import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { alignedMemory } from '../../lib/aligned-memory.ts'
import { storeSuite } from '../store-suite.ts'
import { openFolderStore } from './folder-store.ts'

storeSuite('a folder', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'nabla-store-'))
  const open = () => openFolderStore(join(dir, 'objects'))
  return {
    store: open(),
    reopen: async () => open(),
    close: () => rm(dir, { recursive: true, force: true }),
  }
})

describe('a folder store', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nabla-store-'))
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  test('keeps what lies in pages of memory, whatever its length', async () => {
    const store = openFolderStore(dir)
    const memory = alignedMemory(3_000_000)
    randomBytes(3_000_000).copy(memory)
    for (const length of [0, 1, 4095, 4096, 4097, 2_097_152, 2_999_999]) {
      await store.put('a', memory.subarray(0, length))
      expect((await store.get('a')).equals(memory.subarray(0, length))).toBe(true)
    }
    await store.put('a', memory.subarray(4096, 20_000))
    await store.put('b', memory.subarray(1, 20_000))
    expect((await store.get('a')).equals(memory.subarray(4096, 20_000))).toBe(true)
    expect((await store.get('b')).equals(memory.subarray(1, 20_000))).toBe(true)
  })

  test('clears what a crash left half-written, and writes nothing to be read', async () => {
    const objects = join(dir, 'objects')
    await mkdir(join(objects, '+new'), { recursive: true })
    await writeFile(join(objects, '+new', 'half'), 'half')
    const store = openFolderStore(objects)
    for await (const object of store.list('')) expect.unreachable(object.key)
    expect(await readdir(join(objects, '+new'))).toEqual(['half'])
    await store.put('a', randomBytes(10))
    expect(await readdir(join(objects, '+new'))).toEqual([])
  })

  test('spreads its files over sub-folders', async () => {
    const store = openFolderStore(dir)
    for (let n = 0; n < 300; n++) await store.put(`packs/${n}`, Buffer.from(`${n}`))
    const shards = await readdir(join(dir, 'packs'))
    expect(shards.length).toBeGreaterThan(100)
    expect(shards.every((name) => /^\+[0-9a-f]{2}$/.test(name))).toBe(true)
  })

  test('says what is wrong with a folder that cannot be used', async () => {
    await writeFile(join(dir, 'file'), '')
    const store = openFolderStore(join(dir, 'file'))
    await expect(store.put('a', randomBytes(1))).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(store.get('a')).rejects.toMatchObject({ code: 'missing' })
    expect(await store.check()).toMatchObject([{ level: 'problem', message: expect.stringContaining('file') }])
  })

  test.skipIf(process.getuid?.() === 0)('a folder that may only be read (not as root)', async () => {
    await openFolderStore(dir).put('a', Buffer.from('x'))
    await chmod(dir, 0o500)
    const store = openFolderStore(dir)
    expect((await store.get('a')).toString()).toBe('x')
    await expect(store.put('b', randomBytes(1))).rejects.toMatchObject({ code: 'store_unavailable' })
    await chmod(dir, 0o700)
  })
})
