import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KyselyPlugin } from 'kysely'
import { describe, expect, test } from 'vitest'
import { TestClock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { openFolderStore } from '../stores/folder/folder-store.ts'
import type { ObjectStore } from '../stores/store.ts'
import { expectAllGone, expectPacksAddUp } from '../testing/chunk-end.ts'
import { eachDatabase, type TestDatabase } from '../testing/database.ts'
import { aTeam, aVolume } from '../testing/fixtures.ts'
import { type MadeTree, makeTree, readTree, sendTree, sha256 } from '../testing/made-trees.ts'
import { type ChunkStore, openChunkStore } from './chunk-store.ts'

const { signal } = new AbortController()

/** The server dies at each step in turn, be it a query or an access to the store, before it or after it. */
eachDatabase((make, dialect) => {
  describe('a crash at any step', () => {
    const stride = dialect === 'sqlite' ? 7 : 41
    test('of sending, committing and collecting', { timeout: 120_000 }, async () => {
      const database = await make()
      let step = 1
      for (let done = false; !done; step += stride) done = await crashAt(database, step)
      // There were steps to crash at.
      expect(step).toBeGreaterThan(60)
    })
  })
})

const files = Object.fromEntries(Array.from({ length: 24 }, (_, n) => [`file-${n}`, Buffer.alloc(300, `file ${n} `)]))
const later = { ...files, 'file-7': Buffer.alloc(300, 'changed ') }

interface Life {
  database: TestDatabase
  clock: TestClock
  chunks: ChunkStore
  teamId: string
}

/** Answers whether it lived to the end. */
async function crashAt(database: TestDatabase, step: number): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'nabla-crashes-'))
  try {
    const clock = new TestClock()
    const store = openFolderStore(dir)
    const teamId = (await aTeam(database.db)).id
    const death = { left: step }
    // Every other time rows are written later.
    const arrivedFrom = step % 2 === 0 ? 1 : undefined
    const mortal = openChunkStore(
      { db: database.db.withPlugin(dying(death)), store: mortalStore(store, death), clock },
      arrivedFrom,
    )
    const lived = await live({ database, clock, chunks: mortal, teamId }).then(
      () => true,
      (error: unknown) => {
        expect(error).toBe(died)
        return false
      },
    )
    const chunks = openChunkStore({ db: database.db, store, clock }, arrivedFrom)
    await expectPacksAddUp(database)
    await expectReferredWhole(database, chunks)
    await live({ database, clock, chunks, teamId })
    await expectReferredWhole(database, chunks)
    await expectAllGone(database, store, clock, chunks)
    return lived
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const trees = [makeTree(files, { perSegment: 6 }), makeTree(later, { perSegment: 6 })] as const

/** Sends two trees that share most, drops one, and collects it; small packs are put together. */
async function live(life: Life): Promise<void> {
  const { database, clock, chunks, teamId } = life
  for (const tree of trees) await refer(life, tree)
  const { db } = database
  await db.deleteFrom('volumes').where('treeDigest', '=', trees[0].digest).where('teamId', '=', teamId).execute()
  for (let turn = 0; turn < 3; turn++) {
    clock.advance(limits.chunkHoldMs + limits.doomedPackMs)
    await chunks.collect(signal)
  }
}

async function refer({ database, chunks, teamId }: Life, tree: MadeTree): Promise<void> {
  await sendTree(chunks, teamId, tree)
  await aVolume(database.db, { teamId, purpose: 'test', treeDigest: tree.digest })
}

async function expectReferredWhole({ db }: TestDatabase, chunks: ChunkStore): Promise<void> {
  for (const { treeDigest } of await db.selectFrom('volumes').select('treeDigest').execute()) {
    const expected = treeDigest === trees[0].digest ? files : later
    const read = await readTree(chunks, treeDigest ?? '')
    expect(read).toEqual(new Map(Object.entries(expected).map(([path, content]) => [path, sha256(content)])))
  }
}

const died = new Error('the server died')

/** From the moment of its death on nothing works any more. */
function take(death: { left: number }): void {
  death.left -= 1
  if (death.left <= 0) throw died
}

function dying(death: { left: number }): KyselyPlugin {
  return {
    transformQuery({ node }) {
      take(death)
      return node
    },
    transformResult: async ({ result }) => result,
  }
}

function mortalStore(store: ObjectStore, death: { left: number }): ObjectStore {
  const mortal =
    <A extends unknown[], T>(call: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      take(death)
      const result = await call(...args)
      take(death)
      return result
    }
  return { ...store, put: mortal(store.put), get: mortal(store.get), remove: mortal(store.remove) }
}
