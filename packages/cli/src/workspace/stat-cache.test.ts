import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { aFolder } from '../testing/run-cli.ts'
import type { Stamp } from './stamp.ts'
import { isSettled, loadStatCache, saveStatCache, statCacheFile } from './stat-cache.ts'
import type { KnownFile } from './tree.ts'

const stamp: Stamp = {
  sizeBytes: 7,
  mtimeNs: 1_700_000_000_123_456_789n,
  ctimeNs: 1_700_000_000_123_456_790n,
  inode: 5n,
}

const aFile = (path: string, chunks = 1): KnownFile => ({
  type: 'file',
  path,
  executable: false,
  stamp,
  chunks: Array.from({ length: chunks }, (_, index) => [
    createHash('sha256').update(`${path} ${index}`).digest('hex'),
    index + 1,
  ]),
  isSettled: true,
})

async function aCacheFile(): Promise<string> {
  return statCacheFile(join(await aFolder(), 'cache'), await aFolder())
}

test('knows what it was told, and only for the same stamp', async () => {
  const file = await aCacheFile()
  const files = [aFile('a'), aFile('empty', 0), aFile('ünï/cödé 😀\n', 3), aFile('z')]
  saveStatCache(file, files)
  const cache = loadStatCache(file)
  for (const { path, chunks } of files) expect(cache.find(path, stamp)).toEqual(chunks)
  expect(cache.find('b', stamp)).toBeUndefined()
  const others: Partial<Stamp>[] = [
    { sizeBytes: 8 },
    { mtimeNs: stamp.mtimeNs + 1n },
    { ctimeNs: stamp.ctimeNs + 1n },
    { inode: 6n },
  ]
  for (const other of others) expect(cache.find('a', { ...stamp, ...other })).toBeUndefined()
})

test('is for this user alone, and kept for the folders used last', async () => {
  const cacheFolder = join(await aFolder(), 'cache')
  for (let index = 0; index <= limits.rememberedFolders; index++) {
    const folder = await aFolder()
    saveStatCache(statCacheFile(cacheFolder, folder), [aFile('a')])
  }
  const kept = readdirSync(join(cacheFolder, 'workspaces'))
  expect(kept).toHaveLength(limits.rememberedFolders)
  const file = join(cacheFolder, 'workspaces', kept[0] ?? '')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(file)).mode & 0o777).toBe(0o700)
})

test('one that is torn, damaged or not ours knows nothing', async () => {
  const file = await aCacheFile()
  expect(loadStatCache(file).find('a', stamp)).toBeUndefined()
  const save = (): Buffer => {
    saveStatCache(file, [aFile('a'), aFile('b', 2)])
    expect(loadStatCache(file).find('a', stamp)).toBeDefined()
    return readFileSync(file)
  }
  const whole = save()
  for (const length of [0, 5, 31, 40, whole.length - 1]) {
    writeFileSync(file, whole.subarray(0, length))
    expect(loadStatCache(file).find('a', stamp)).toBeUndefined()
  }
  for (let offset = 0; offset < whole.length; offset += 7) {
    const damaged = Buffer.from(whole)
    damaged[offset] = (damaged[offset] ?? 0) ^ 0x10
    writeFileSync(file, damaged)
    expect(loadStatCache(file).find('a', stamp)).toBeUndefined()
  }
  save()
  appendFileSync(file, 'x')
  expect(loadStatCache(file).find('a', stamp)).toBeUndefined()
  save()
  chmodSync(file, 0o666)
  expect(loadStatCache(file).find('a', stamp)).toBeUndefined()
})

test.skipIf(process.getuid?.() !== 0)('one of another user knows nothing (needs root)', async () => {
  const file = await aCacheFile()
  saveStatCache(file, [aFile('a')])
  chownSync(file, 65_534, 65_534)
  expect(loadStatCache(file).find('a', stamp)).toBeUndefined()
})

test('where it cannot be written, nothing happens', async () => {
  const folder = await aFolder()
  writeFileSync(join(folder, 'cache'), 'a file')
  const file = statCacheFile(join(folder, 'cache'), folder)
  saveStatCache(file, [aFile('a')])
  expect(readFileSync(join(folder, 'cache'), 'utf8')).toBe('a file')
  mkdirSync(join(folder, 'other'))
  expect(loadStatCache(join(folder, 'other')).find('a', stamp)).toBeUndefined()
})

test('a file that changed just before it was read is not settled', () => {
  const changedMs = Number(stamp.ctimeNs / 1_000_000n)
  expect(isSettled(stamp, changedMs)).toBe(false)
  expect(isSettled(stamp, changedMs + limits.racyMs)).toBe(false)
  expect(isSettled(stamp, changedMs + limits.racyMs + 1)).toBe(true)
  // A file system that keeps whole seconds has ticks as long.
  const coarse = { ...stamp, ctimeNs: 1_700_000_000_000_000_000n }
  expect(isSettled(coarse, 1_700_000_000_000 + limits.racyCoarseMs)).toBe(false)
  expect(isSettled(coarse, 1_700_000_000_000 + limits.racyCoarseMs + 1)).toBe(true)
  // The time of the contents may be set at will, and says nothing.
  expect(isSettled({ ...stamp, mtimeNs: 0n }, changedMs)).toBe(false)
})
