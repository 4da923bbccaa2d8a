import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { TestClock } from '../lib/clock.ts'
import { objectsFolder } from '../stores/index.ts'
import { openFolderStore } from '../stores/folder/folder-store.ts'
import { type ChunkStore, openChunkStore } from '../trees/chunk-store.ts'
import type { Ingested } from '../trees/ingest.ts'
import { openTreeStore, type TreeStore } from '../trees/tree-store.ts'
import type { TestDatabase } from './database.ts'

/** A store of trees in a folder of its own, all of it real. */
export interface TestTrees {
  /** Trees whose files were found to be changed. */
  changed: string[]
  data: string
  db: TestDatabase['db']
  clock: TestClock
  chunks: ChunkStore
  trees: TreeStore
  /** Opens it once more, as after a restart of the server. */
  reopen(): Promise<TreeStore>
  /** A new folder with these files; see `TestFiles`. */
  folder(files: TestFiles): Promise<string>
}

/** Content by path: `null` for a folder, `->target` for a link; names that end in `*` are executable. */
export type TestFiles = Record<string, string | Buffer | null>

export const teamId = 'te0000000000000000'

/** Made in a test; its folder is gone when the test is over. Wants a database of its own. */
export async function testTrees(database: TestDatabase, given: { cacheBytes?: number } = {}): Promise<TestTrees> {
  const data = await mkdtemp(join(tmpdir(), 'nabla-trees-'))
  const clock = new TestClock()
  const { db } = database
  const chunks = openChunkStore({ db, clock, store: openFolderStore(objectsFolder(data)) })
  const problems: unknown[] = []
  const changed: string[] = []
  const { cacheBytes = 2 ** 40 } = given
  const open = async () => {
    const onError = (error: unknown) => void problems.push(error)
    const trees = openTreeStore({
      db,
      chunks,
      clock,
      dataDir: data,
      cacheBytes,
      onError,
      onChanged: (digest) => void changed.push(digest),
    })
    await trees.sweep()
    return trees
  }
  const made: TestTrees = {
    data,
    db,
    clock,
    chunks,
    trees: await open(),
    changed,
    async reopen() {
      await made.trees.close()
      made.trees = await open()
      return made.trees
    },
    async folder(files) {
      const dir = await mkdtemp(join(data, 'folder-'))
      for (const [name, content] of Object.entries(files)) await put(dir, name, content)
      return dir
    },
  }
  onTestFinished(async () => {
    await made.trees.close()
    await rm(data, { recursive: true, force: true })
    if (problems.length > 0) throw new Error('something went wrong in the background', { cause: problems[0] })
  })
  return made
}

/** The same, with a tree of these files. */
export async function aTree(database: TestDatabase, files: TestFiles, given: { cacheBytes?: number } = {}) {
  const test = await testTrees(database, given)
  const dir = await test.folder(files)
  const ingested: Ingested = await test.trees.ingest(teamId, dir, AbortSignal.any([]))
  return { ...test, test, dir, ingested, digest: ingested.tree.digest }
}

/** Bytes that do not compress, and are always the same: a linear congruential generator (Numerical Recipes). */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    bytes[index] = state >>> 24
  }
  return bytes
}

/** A little of everything. */
export const mixedFiles: TestFiles = {
  'a/b/deep.txt': 'deep',
  'a.txt': 'beside a',
  'a/run.sh*': '#!/bin/sh\n',
  'a-b': 'sorts between a and a/',
  empty: '',
  'folder without files': null,
  'links/to-file': '->../a/b/deep.txt',
  'links/to-folder': '->../a',
  'ä/ö\u{1f600}': 'umlauts',
}

async function put(dir: string, name: string, content: string | Buffer | null): Promise<void> {
  const path = join(dir, name.replace(/\*$/, ''))
  await mkdir(content === null ? path : dirname(path), { recursive: true })
  if (content === null) return
  if (typeof content === 'string' && content.startsWith('->')) await symlink(content.slice(2), path)
  else await writeFile(path, content, { mode: name.endsWith('*') ? 0o755 : 0o644 })
}
