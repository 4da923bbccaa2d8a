import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { pinFolder } from '../lib/safe-path.ts'
import { walk, type WalkOptions } from './walk.ts'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'walk-'))
})

afterEach(() => rm(root, { recursive: true, force: true }))

async function paths(options: Partial<WalkOptions> = {}): Promise<string[]> {
  const start = await pinFolder(root)
  const found: string[] = []
  try {
    for await (const entry of walk(start, { recursive: true, ...options })) found.push(entry.path)
  } finally {
    await start.close()
  }
  return found
}

/** Paths in the order of a walk: part by part, as bytes. */
function inOrder(all: string[]): string[] {
  const key = (path: string) => path.replaceAll('/', '\0')
  return all.sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

describe('walk', () => {
  test('meets everything once and in order, however few names fit in memory, from any place on', async () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-', 'z', '~', '0'), minLength: 1, maxLength: 3 })
    const path = fc.array(
      name.filter((text) => !/^\.+$/.test(text)),
      { minLength: 1, maxLength: 3 },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(path, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), async (tree, namesAtOnce) => {
        await rm(root, { recursive: true })
        await mkdir(root)
        const expected = new Set<string>()
        for (const parts of tree) {
          await mkdir(join(root, ...parts), { recursive: true })
          for (let n = 1; n <= parts.length; n++) expected.add(parts.slice(0, n).join('/'))
        }
        const sorted = inOrder([...expected])
        expect(await paths({ namesAtOnce })).toEqual(sorted)
        expect(await paths({ namesAtOnce, byPath: true })).toEqual([...expected].sort())
        for (const [index, after] of sorted.entries()) {
          expect(await paths({ namesAtOnce, after })).toEqual(sorted.slice(index + 1))
        }
      }),
      { numRuns: 40 },
    )
  })

  test('a folder with more names than fit in memory', async () => {
    const names = Array.from({ length: 500 }, (_, n) => `file-${(n * 7919) % 500}`)
    for (const name of names) await writeFile(join(root, name), '')
    expect(await paths({ namesAtOnce: 30 })).toEqual(names.sort())
  })

  test('lets go of its folders when it is left half way', async () => {
    await mkdir(join(root, 'a/b/c/d'), { recursive: true })
    const before = (await readdir('/proc/self/fd')).length
    const start = await pinFolder(root)
    for await (const entry of walk(start, { recursive: true })) if (entry.path === 'a/b/c') break
    await start.close()
    expect((await readdir('/proc/self/fd')).length).toBe(before)
  })
})
