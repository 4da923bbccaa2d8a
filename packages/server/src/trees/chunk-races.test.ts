import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inTransaction, type Trx } from '../db/transaction.ts'
import { TestClock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { openFolderStore } from '../stores/folder/folder-store.ts'
import type { ObjectStore } from '../stores/store.ts'
import { expectAllGone, expectPacksAddUp } from '../testing/chunk-end.ts'
import { eachDatabase, type TestDatabase } from '../testing/database.ts'
import { aTeam, aVolume } from '../testing/fixtures.ts'
import { type MadeTree, makeTree, readTree, sendTree, sha256 } from '../testing/made-trees.ts'
import { type ChunkStore, openChunkStore } from './chunk-store.ts'
import { holdTree } from './tree-rows.ts'

const hour = 3_600_000
const { signal } = new AbortController()

/**
 * Everything at once, in an order that a seed decides as far as it can: two teams that send trees which share most of
 * their files, refer to them, drop them; two collections; time that leaps. Nothing that is referred to may ever be
 * lost, and in the end nothing may be left.
 */
eachDatabase((make, dialect) => {
  test.each(dialect === 'sqlite' ? [1, 2, 3, 4] : [5, 6])('race %i', { timeout: 120_000 }, async (seed) => {
    const dir = mkdtempSync(join(tmpdir(), 'nabla-races-'))
    try {
      const database = await make()
      const race = await makeRace(database, dir, seed)
      await Promise.all([
        ...[0, 1, 2].map(() => sendAndMore(race)),
        ...[0, 1].map(async () => {
          for (; race.sent < trees; await turns(race.random(40))) {
            await underWay(race, () => race.chunks.collect(signal))
          }
        }),
      ])
      expect(race.dropped).toBeGreaterThan(3)
      for (const volume of race.volumes) await expectWhole(race, volume)
      await expectPacksAddUp(database)
      await expectAllGone(database, race.store, race.clock, race.chunks)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
})

interface Volume {
  id: string
  digest: string
  files: Map<string, string>
}

interface Race {
  database: TestDatabase
  clock: TestClock
  store: ObjectStore
  chunks: ChunkStore
  teams: string[]
  random: (below: number) => number
  volumes: Set<Volume>
  sent: number
  dropped: number
  /** When each thing that is under way began. */
  begun: Set<{ at: number }>
}

/**
 * The longest that anything takes: what was used is kept for 24 hours, and what is still to be written may rest on a use of
 * 6 hours before.
 */
const longestMs = 12 * hour

async function underWay<T>({ begun, clock }: Race, work: () => Promise<T>): Promise<T> {
  const own = { at: clock.now() }
  begun.add(own)
  return work().finally(() => begun.delete(own))
}

async function makeRace(database: TestDatabase, dir: string, seed: number): Promise<Race> {
  const random = randomFrom(seed)
  const clock = new TestClock()
  const store = unhurried(openFolderStore(dir), () => turns(random(6)))
  // In every other race rows are written later.
  const chunks = openChunkStore({ db: database.db, store, clock }, seed % 2 === 0 ? 1 : undefined)
  const teams = [(await aTeam(database.db)).id, (await aTeam(database.db)).id]
  return { database, clock, store, chunks, teams, random, volumes: new Set(), sent: 0, dropped: 0, begun: new Set() }
}

/** Trees sent in one race. */
const trees = 36

async function sendAndMore(race: Race): Promise<void> {
  while (race.sent < trees) {
    await send(race)
    for (let more = 0; more < 3; more++) await [drop, check, leap, leap][race.random(4)]?.(race)
  }
}

/** Sends a tree, and makes a volume of it as kinds do: in one transaction that holds on to the tree. */
async function send(race: Race): Promise<void> {
  const { database, chunks, clock, random } = race
  const teamId = race.teams[random(2)] ?? ''
  const { tree, files } = someTree(random)
  for (;;) {
    await underWay(race, () => sendTree(chunks, teamId, tree))
    await turns(random(10))
    const store = async (trx: Trx) => {
      if (!(await holdTree(trx, teamId, tree.digest, clock.now()))) return null
      return aVolume(trx, { id: newId('volume'), teamId, purpose: 'test', treeDigest: tree.digest })
    }
    const made = await underWay(race, () => inTransaction(database.db, store))
    if (!made) continue
    race.volumes.add({ id: made.id, digest: tree.digest, files })
    race.sent += 1
    return
  }
}

async function drop(race: Race): Promise<void> {
  await turns(race.random(20))
  const [volume] = [...race.volumes].slice(race.random(race.volumes.size + 1))
  if (!volume) return
  race.volumes.delete(volume)
  await race.database.db.deleteFrom('volumes').where('id', '=', volume.id).execute()
  race.dropped += 1
}

async function check(race: Race): Promise<void> {
  await turns(race.random(20))
  const [volume] = [...race.volumes].slice(race.random(race.volumes.size + 1))
  if (!volume) return
  // Nobody drops it meanwhile.
  race.volumes.delete(volume)
  await expectWhole(race, volume)
  race.volumes.add(volume)
}

async function leap(race: Race): Promise<void> {
  await turns(race.random(20))
  const byMs = race.random(7) * hour
  const longest = race.clock.now() + byMs - Math.min(Infinity, ...[...race.begun].map(({ at }) => at))
  if (longest <= longestMs) race.clock.advance(byMs)
}

async function expectWhole({ chunks }: Race, { digest, files }: Volume): Promise<void> {
  expect(await readTree(chunks, digest)).toEqual(files)
}

/** Some of sixty files that all trees draw from, so that they share chunks and segments. */
function someTree(random: Race['random']): { tree: MadeTree; files: Map<string, string> } {
  const from = random(40)
  const files: Record<string, Buffer> = {}
  for (let n = from; n < from + 20; n++) {
    if (random(10) === 0) continue
    const content = Buffer.alloc(40 + n, `file ${n}, as it is in version ${random(12) === 0 ? random(1000) : 0} `)
    files[`dir/${String(n).padStart(2, '0')}`] = content
  }
  const tree = makeTree(files, { perSegment: 5, chunkBytes: 50 })
  return { tree, files: new Map(Object.entries(files).map(([path, content]) => [path, sha256(content)])) }
}

/** A store whose every call takes some turns before and after. */
function unhurried(store: ObjectStore, pause: () => Promise<void>): ObjectStore {
  const slowly =
    <A extends unknown[], T>(call: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      await pause()
      const result = await call(...args)
      await pause()
      return result
    }
  return { ...store, put: slowly(store.put), get: slowly(store.get), remove: slowly(store.remove) }
}

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve))
}

/** Whole numbers from 0 to below, mulberry32. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed * 0x9e3779b9
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
