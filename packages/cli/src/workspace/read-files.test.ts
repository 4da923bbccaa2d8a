import { createHash, randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { aFolder } from '../testing/run-cli.ts'
import type { ReadFile } from './read-chunks.ts'
import { readFiles } from './read-files.ts'

/** Reads files as if there were much or little to read; gives what became of each and the contents by hash. */
async function readAll(root: string, paths: readonly string[], sizeBytes: number) {
  const files = new Map<number, ReadFile | undefined>()
  const contents = new Map<string, string>()
  for await (const { slab, files: some } of readFiles(root, paths, sizeBytes)) {
    for (const [index, file] of some) files.set(index, file)
    for (const { hash, start, sizeBytes, path } of slab?.chunks ?? []) {
      const bytes = slab?.bytes.subarray(start, start + sizeBytes) ?? Buffer.alloc(0)
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(hash)
      contents.set(hash, path)
    }
    slab?.free()
  }
  return { files, contents }
}

test('a thread reads more than it may hold at a time, the same as is read here', async () => {
  const root = await aFolder()
  const sizes = [0, 5, limits.slabBytes * (limits.slabsAhead + 3), 200_000, 1]
  for (const [index, size] of sizes.entries()) await writeFile(join(root, `f${index}`), randomBytes(size))
  const paths = ['f0', 'gone', 'f1', 'f2', 'f3', 'f4']
  const [here, aside] = [await readAll(root, paths, 0), await readAll(root, paths, limits.readAsideBytes)]
  expect(aside).toEqual(here)
  expect(aside.files.size).toBe(6)
  expect(aside.files.get(1)).toBe(undefined)
  expect(new Set(aside.contents.values())).toEqual(new Set(['f1', 'f2', 'f3', 'f4']))
})

test('whoever stops taking slabs ends the thread', async () => {
  const root = await aFolder()
  await writeFile(join(root, 'large'), randomBytes(limits.slabBytes * 3))
  for await (const { slab } of readFiles(root, ['large'], limits.readAsideBytes)) {
    expect(slab?.chunks.length).toBeGreaterThan(0)
    break
  }
})

test.skipIf(process.getuid?.() === 0)('what may not be read is told as it is here (not as root)', async () => {
  const root = await aFolder()
  await writeFile(join(root, 'closed'), 'x', { mode: 0 })
  const wanted = { message: 'The file closed cannot be read: permission denied.', reason: 'failure' }
  for (const sizeBytes of [0, limits.readAsideBytes]) {
    await expect(readAll(root, ['closed'], sizeBytes)).rejects.toMatchObject(wanted)
  }
  await rm(join(root, 'closed'))
})
