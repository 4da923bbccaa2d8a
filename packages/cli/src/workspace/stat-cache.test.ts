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
import type { FileChunk } from '@nabla/api/tree-format'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { aFolder } from '../testing/run-cli.ts'
import { isSettled, type Stamp } from './stamp.ts'
import { loadStatCache, saveStatCache, statCacheFile } from './stat-cache-file.ts'
import type { KnownEntry, KnownFile } from './tree.ts'

const stamp: Stamp = { sizeBytes: 7, mtimeMs: 1_700_000_000_123.4568, ctimeMs: 1_700_000_000_123.457, inode: 5 }

/** What is remembered of the path, if the file is still the one with this stamp. */
function find(file: string, path: string, asked = stamp): readonly FileChunk[] | undefined {
  const cache = loadStatCache(file)
  const place = Array.from({ length: cache.size }, (_, at) => at).find((at) => cache.pathAt(at) === path)
  const { sizeBytes: size, inode: ino, ...times } = asked
  return place !== undefined && cache.isSame(place, { size, ino, ...times }) ? cache.chunksAt(place) : undefined
}

const save = (file: string, entries: readonly KnownEntry[]): void => saveStatCache(file, undefined, entries, [])

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
  place: undefined,
  formerPlace: undefined,
})

async function aCacheFile(): Promise<string> {
  return statCacheFile(join(await aFolder(), 'cache'), await aFolder())
}

test('knows what it was told, and only for the same stamp', async () => {
  const file = await aCacheFile()
  const files = [aFile('a'), aFile('empty', 0), aFile('ünï/cödé 😀\n', 3), aFile('z')]
  save(file, files)
  for (const { path, chunks } of files) expect(find(file, path)).toEqual(chunks)
  expect(find(file, 'b')).toBeUndefined()
  const others: Partial<Stamp>[] = [
    { sizeBytes: 8 },
    { mtimeMs: stamp.mtimeMs + 0.001 },
    { ctimeMs: stamp.ctimeMs + 0.001 },
    { inode: 6 },
  ]
  for (const other of others) expect(find(file, 'a', { ...stamp, ...other })).toBeUndefined()
  save(file, [{ ...aFile('a'), isSettled: false }])
  expect(find(file, 'a')).toBeUndefined()
})

test('is for this user alone, and kept for the folders used last', async () => {
  const cacheFolder = join(await aFolder(), 'cache')
  for (let index = 0; index <= limits.rememberedFolders; index++) {
    const folder = await aFolder()
    save(statCacheFile(cacheFolder, folder), [aFile('a')])
  }
  const kept = readdirSync(join(cacheFolder, 'workspaces'))
  expect(kept).toHaveLength(limits.rememberedFolders)
  const file = join(cacheFolder, 'workspaces', kept[0] ?? '')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(file)).mode & 0o777).toBe(0o700)
})

test('one that is torn, damaged or not ours knows nothing', async () => {
  const file = await aCacheFile()
  expect(find(file, 'a')).toBeUndefined()
  const write = (): Buffer => {
    save(file, [aFile('a'), aFile('b', 2)])
    expect(find(file, 'a')).toBeDefined()
    return readFileSync(file)
  }
  const whole = write()
  for (const length of [0, 5, 31, 40, whole.length - 1]) {
    writeFileSync(file, whole.subarray(0, length))
    expect(find(file, 'a')).toBeUndefined()
  }
  for (let offset = 0; offset < whole.length; offset += 7) {
    const damaged = Buffer.from(whole)
    damaged[offset] = (damaged[offset] ?? 0) ^ 0x10
    writeFileSync(file, damaged)
    expect(find(file, 'a')).toBeUndefined()
  }
  write()
  appendFileSync(file, 'x')
  expect(find(file, 'a')).toBeUndefined()
  write()
  chmodSync(file, 0o666)
  expect(find(file, 'a')).toBeUndefined()
})

test.skipIf(process.getuid?.() !== 0)('one of another user knows nothing (needs root)', async () => {
  const file = await aCacheFile()
  save(file, [aFile('a')])
  chownSync(file, 65_534, 65_534)
  expect(find(file, 'a')).toBeUndefined()
})

test('where it cannot be written, nothing happens', async () => {
  const folder = await aFolder()
  writeFileSync(join(folder, 'cache'), 'a file')
  const file = statCacheFile(join(folder, 'cache'), folder)
  save(file, [aFile('a')])
  expect(readFileSync(join(folder, 'cache'), 'utf8')).toBe('a file')
  mkdirSync(join(folder, 'other'))
  expect(find(join(folder, 'other'), 'a')).toBeUndefined()
})

test('a file that changed just before it was read is not settled', () => {
  const changedMs = stamp.ctimeMs
  expect(isSettled(stamp, changedMs)).toBe(false)
  expect(isSettled(stamp, changedMs + limits.racyMs)).toBe(false)
  expect(isSettled(stamp, changedMs + limits.racyMs + 1)).toBe(true)
  // A file system that keeps whole seconds has ticks as long.
  const coarse = { ...stamp, ctimeMs: 1_700_000_000_000 }
  expect(isSettled(coarse, 1_700_000_000_000 + limits.racyCoarseMs)).toBe(false)
  expect(isSettled(coarse, 1_700_000_000_000 + limits.racyCoarseMs + 1)).toBe(true)
  // The time of the contents may be set at will, and says nothing.
  expect(isSettled({ ...stamp, mtimeMs: 0 }, changedMs)).toBe(false)
})
