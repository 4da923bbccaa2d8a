import { frameHeadBytes } from '@nabla/api/chunk-frame'
import { expect } from 'vitest'
import type { TestClock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { ObjectStore } from '../stores/store.ts'
import type { ChunkStore } from '../trees/chunk-store.ts'
import type { TestDatabase } from './database.ts'
import { all } from './made-trees.ts'

const { signal } = new AbortController()

/** What packs say of themselves is what the rows of their chunks add up to. To be asked when nothing is under way. */
export async function expectPacksAddUp({ db }: Pick<TestDatabase, 'db'>): Promise<void> {
  const sums = new Map<string, number>()
  for (const { packId, storedBytes } of await db.selectFrom('chunks').selectAll().execute()) {
    sums.set(packId, (sums.get(packId) ?? 0) + storedBytes + frameHeadBytes)
  }
  // Those whose rows are still to be written say what these will add up to.
  const packs = await db.selectFrom('packs').select(['id', 'liveBytes']).where('arrived', 'is', null).execute()
  for (const { id, liveBytes } of packs) expect(liveBytes, id).toBe(sums.get(id) ?? 0)
  for (const id of sums.keys()) expect(packs.map((pack) => pack.id)).toContain(id)
}

/** Once no volume refers to anything and time has passed, nothing is left of anything. */
export async function expectAllGone(
  { db }: Pick<TestDatabase, 'db'>,
  store: ObjectStore,
  clock: TestClock,
  chunks: ChunkStore,
): Promise<void> {
  await db.deleteFrom('volumes').where('treeDigest', 'is not', null).execute()
  for (let day = 0; day < 4; day++) {
    clock.advance(limits.chunkHoldMs + limits.doomedPackMs)
    await chunks.collect(signal)
  }
  expect(await db.selectFrom('trees').select('digest').execute()).toEqual([])
  expect(await db.selectFrom('teamChunks').select('hash').execute()).toEqual([])
  expect(await db.selectFrom('chunks').select('hash').execute()).toEqual([])
  expect(await db.selectFrom('packs').select('id').execute()).toEqual([])
  expect(await all(store.list(''))).toEqual([])
}
