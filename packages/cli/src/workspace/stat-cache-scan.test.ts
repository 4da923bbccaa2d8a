import { mkdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { aFolder } from '../testing/run-cli.ts'
import { KnownFiles } from './known-files.ts'
import { keepsFolderTimes } from './folder-times.ts'
import { type Scan, scanData, type ScanOptions, scanWorkspace } from './scan.ts'
import { type WrittenTree, writeTree } from './tree.ts'

/** What is written in a test looks as if it had been written long ago. */
const later = (): number => Date.now() + 60_000

async function put(root: string, path: string, text = path): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
}

/** Reads what is not known, writes the tree down and remembers all of it, as a sync does. */
async function learn(folder: string, scan: Scan): Promise<WrittenTree> {
  const files = new KnownFiles({ folder, scan, now: later })
  await files.read((slab) => slab.free())
  const tree = writeTree(files.entries(), scan.memory)
  files.remember(tree.segments)
  return tree
}

/** What a scan found; not how it was found. */
function found({ entries, files, sizeBytes, ...scan }: Scan) {
  const { ignored, environments, environmentsSent, linksOut, special, notUtf8, alike } = scan
  const notes = { ignored, environments, environmentsSent, linksOut, special, notUtf8, alike }
  const what = entries.map((entry) => [entry.type, entry.path, entry.type === 'file' && entry.executable])
  return { what, files, sizeBytes, notes }
}

/** The tree as it is made with what is remembered; checked against the one that is made without. */
async function treeOf(folder: string, options: ScanOptions, patterns: string[] = []): Promise<WrittenTree> {
  const [known, fresh] = [scanWorkspace(folder, patterns, options), scanWorkspace(folder, patterns)]
  expect(found(known)).toEqual(found(fresh))
  const [tree, expected] = [await learn(folder, known), await learn(folder, fresh)]
  expect({ ...tree, segments: undefined }).toEqual({ ...expected, segments: undefined })
  expect(tree.segments.map(({ bytes }) => bytes())).toEqual(expected.segments.map(({ bytes }) => bytes()))
  return tree
}

async function remembered(): Promise<{ root: string; options: ScanOptions }> {
  return { root: await aFolder(), options: { cacheFolder: await aFolder(), now: later } }
}

const name = fc.constantFrom('a', 'b', 'a-b', 'ab', 'A', 'ü', '.gitignore', '__pycache__', 'pyvenv.cfg')
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const change = fc.oneof(
  fc.record({ do: fc.constant('write' as const), path, text: fc.constantFrom('a', 'b*', '!b', '/a-b', '') }),
  fc.record({ do: fc.constant('remove' as const), path }),
  fc.record({ do: fc.constant('move' as const), path, to: path }),
  fc.record({ do: fc.constant('link' as const), path, to: fc.constantFrom('a', '../b', '/etc') }),
)
type Change = typeof change extends fc.Arbitrary<infer C> ? C : never

/** Changes one thing. Throws for what cannot be done in this tree. */
async function apply(root: string, step: Change): Promise<void> {
  const at = join(root, step.path)
  if (step.do === 'write') await put(root, step.path, step.text)
  else if (step.do === 'remove') await rm(at, { recursive: true, force: true })
  else if (step.do === 'move') await rename(at, join(root, step.to))
  else await symlink(step.to, at)
}

/** Since `later` makes all look old, what changes next has to get another time than what was there. */
async function untilClockMoves(): Promise<void> {
  const file = join(await aFolder(), 'probe')
  const touch = async () => {
    await writeFile(file, '')
    return (await stat(file)).ctimeMs
  }
  const began = await touch()
  while ((await touch()) === began);
}

test('what is remembered never shows: every tree is the one that a fresh look makes', async () => {
  const steps = fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(fc.array(path, { minLength: 5, maxLength: 30 }), steps, async (paths, rounds) => {
      const { root, options } = await remembered()
      for (const file of paths) await put(root, file).catch(() => {})
      await treeOf(root, options)
      for (const round of rounds) {
        await untilClockMoves()
        for (const step of round) await apply(root, step).catch(() => {})
        await treeOf(root, options)
      }
      await treeOf(root, options, ['b'])
      expect(found(scanData(root, options))).toEqual(found(scanData(root)))
      await rm(root, { recursive: true })
    }),
    { numRuns: 60 },
  )
})

test('folders that are as they were are not listed again, and segments without a change not written again', async () => {
  const { root, options } = await remembered()
  for (let index = 0; index < 2000; index++) await put(root, `part-${index % 20}/file-${index}`, `${index}`)
  expect(keepsFolderTimes(root)).toBe(true)
  const first = await treeOf(root, options)
  expect(first.segments.length).toBeGreaterThan(3)
  await untilClockMoves()
  const again = scanWorkspace(root, [], options)
  expect(again.learnt).toBe(0)
  expect((await learn(root, again)).segments.every(({ isOld }) => isOld)).toBe(true)
  await utimes(join(root, 'part-3/file-3'), 1, 1)
  await writeFile(join(root, 'part-4/file-4'), 'other')
  const changed = scanWorkspace(root, [], options)
  expect(changed.learnt).toBe(0)
  expect((await learn(root, changed)).segments.filter(({ isOld }) => !isOld).length).toBeLessThan(3)
  await put(root, 'part-5/new')
  await rm(join(root, 'part-6/file-6'))
  expect(scanWorkspace(root, [], options).learnt).toBe(100 + 1 + 100 - 1)
  await treeOf(root, options)
})

test('a folder that changed a moment ago is listed again', async () => {
  const { root, options } = await remembered()
  await put(root, 'part/file')
  await learn(root, scanWorkspace(root, [], { ...options, now: Date.now }))
  expect(scanWorkspace(root, [], options).learnt).toBe(2)
})

test('rules that change are followed in folders that did not', async () => {
  const { root, options } = await remembered()
  await put(root, '.gitignore', '*.log')
  for (const file of ['deep/er/a.log', 'deep/er/b.txt', 'deep/c.txt']) await put(root, file)
  const pathsOf = (): string[] => scanWorkspace(root, [], options).entries.map((entry) => entry.path)
  await treeOf(root, options)
  expect(pathsOf()).not.toContain('deep/er/a.log')
  await untilClockMoves()
  await writeFile(join(root, '.gitignore'), '*.txt')
  await treeOf(root, options)
  expect(pathsOf()).toEqual(['.gitignore', 'deep', 'deep/er', 'deep/er/a.log'])
  await treeOf(root, options, ['*.log'])
})

test('what was not read when the sync was cut is there the next time', async () => {
  const { root, options } = await remembered()
  for (const file of ['a/1', 'a/2', 'b/1']) await put(root, file)
  await put(root, 'z/large', 'x'.repeat(limits.slabBytes + 1))
  const cut = new KnownFiles({ folder: root, scan: scanWorkspace(root, [], options), now: later })
  const stop = async (): Promise<void> => {
    throw new Error('cut')
  }
  await expect(cut.read(stop)).rejects.toThrow('cut')
  const again = scanWorkspace(root, [], options)
  expect(again.entries.filter(({ type }) => type === 'file').length).toBe(4)
  expect(again.entries.some((entry) => entry.type === 'file' && entry.place !== undefined)).toBe(true)
  await treeOf(root, options)
})
