import { frameHeadBytes } from '@nabla/api/chunk-frame'
import { inBatches } from '../db/batches.ts'
import { inTransaction, type Trx } from '../db/transaction.ts'
import { toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { othersTurn } from '../lib/pace.ts'
import { type ChunkParts, packKey, packPrefix, packTime } from './packs.ts'

/** Rows looked at by one query. */
const pageRows = 2048

interface Owned {
  hash: string
  /** Of the chunk itself. */
  usedAt: string
  teamId: string | null
  teamUsedAt: string | null
}

/**
 * Takes from teams the chunks that were used last before `before`, and deletes those that no team has any more. Goes
 * through all chunks, a page at a time. Nothing is taken from the teams of `spared`.
 */
export async function deleteChunks(
  parts: ChunkParts,
  before: string,
  spared: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<{ chunks: number }> {
  let chunks = 0
  for await (const page of ownedPages(parts)) {
    signal.throwIfAborted()
    const old = page.filter(
      (row) => row.teamUsedAt !== null && row.teamUsedAt < before && !spared.has(row.teamId ?? ''),
    )
    const orphans = page.filter((row) => row.teamId === null && row.usedAt < before)
    const byTeam = Map.groupBy(old, (row) => row.teamId ?? '')
    for (const [teamId, rows] of byTeam) {
      for (const batch of inBatches(rows, limits.chunkRows)) chunks += await takeFrom(parts, teamId, batch, before)
    }
    for (const batch of inBatches(orphans, limits.chunkRows)) {
      chunks += await inTransaction(parts.db, (trx) => deleteOwnerless(trx, hashesOf(batch), before))
    }
    await othersTurn()
  }
  return { chunks }
}

/** Removes packs that have held no chunk for a while, and old objects that no row knows. */
export async function removePacks(parts: ChunkParts, start: number, signal: AbortSignal) {
  await doomPacks(parts)
  let [packs, extraObjects, freedBytes] = [0, 0, 0]
  for (;;) {
    signal.throwIfAborted()
    const doomed = await parts.db
      .selectFrom('packs')
      .select(['id', 'sizeBytes'])
      .where('doomedAt', '<', toIso(start - limits.doomedPackMs))
      .limit(limits.chunkRows)
      .execute()
    if (doomed.length === 0) break
    for (const { id, sizeBytes } of doomed) {
      signal.throwIfAborted()
      // The row first: the other way round, a crash would leave a row that leads to nothing.
      await parts.db.deleteFrom('packs').where('id', '=', id).where('doomedAt', 'is not', null).execute()
      await parts.store.remove(packKey(id))
      packs += 1
      freedBytes += sizeBytes
    }
  }
  for await (const { key, sizeBytes } of strayPacks(parts, start - limits.strayPackMs, signal)) {
    await parts.store.remove(key)
    extraObjects += 1
    freedBytes += sizeBytes
  }
  return { packs, extraObjects, freedBytes }
}

export interface StrayPack {
  key: string
  sizeBytes: number
}

/** Objects with the form of a pack, made before `before`, that no row knows. */
export async function* strayPacks(
  { db, store }: ChunkParts,
  before: number,
  signal: AbortSignal,
): AsyncGenerator<StrayPack, void, undefined> {
  const unknown = async (found: readonly StrayPack[]) => {
    const ids = found.map(({ key }) => key.slice(packPrefix.length))
    const known = new Set<string>()
    for (const batch of inBatches(ids, limits.chunkRows)) {
      const rows = await db.selectFrom('packs').select('id').where('id', 'in', batch).execute()
      for (const { id } of rows) known.add(packKey(id))
    }
    return found.filter(({ key }) => !known.has(key))
  }
  let found: StrayPack[] = []
  for await (const { key, sizeBytes } of store.list(packPrefix, signal)) {
    const madeAt = packTime(key.slice(packPrefix.length))
    if (madeAt === undefined || madeAt >= before) continue
    found.push({ key, sizeBytes })
    if (found.length < limits.chunkRows) continue
    yield* await unknown(found)
    found = []
  }
  yield* await unknown(found)
}

async function* ownedPages({ db }: ChunkParts): AsyncGenerator<Owned[], void, undefined> {
  let last = ''
  for (;;) {
    const page: Owned[] = await db
      .selectFrom('chunks')
      .leftJoin('teamChunks', 'teamChunks.hash', 'chunks.hash')
      .select(['chunks.hash', 'chunks.usedAt', 'teamChunks.teamId', 'teamChunks.usedAt as teamUsedAt'])
      .where('chunks.hash', '>', last)
      .orderBy('chunks.hash')
      .limit(pageRows)
      .execute()
    const end = page.at(-1)?.hash
    if (end === undefined) return
    yield page
    if (page.length < pageRows) return
    // The teams of the last chunk may go on in the next page; where one chunk fills a page, the rest has its turn later.
    const previous = page.findLast(({ hash }) => hash !== end)?.hash
    last = previous ?? end
  }
}

/** Answers how many chunks were deleted. */
async function takeFrom({ db }: ChunkParts, teamId: string, rows: readonly Owned[], before: string): Promise<number> {
  return inTransaction(db, async (trx) => {
    const taken = await trx
      .deleteFrom('teamChunks')
      .where('hash', 'in', hashesOf(rows))
      .where('teamId', '=', teamId)
      .where('usedAt', '<', before)
      .returning('hash')
      .execute()
    let deleted = 0
    for (const batch of inBatches(taken, limits.chunkRows)) {
      deleted += await deleteOwnerless(trx, hashesOf(batch), before)
    }
    return deleted
  })
}

const hashesOf = (rows: readonly { hash: string }[]): string[] => rows.map(({ hash }) => hash)

/**
 * Deletes those chunks that no team has. The time guards against a team that is being given one just now: its
 * transaction writes that time, so that this statement, which waits for it, finds the chunk used.
 */
async function deleteOwnerless(trx: Trx, hashes: readonly string[], before: string): Promise<number> {
  const gone = await trx
    .deleteFrom('chunks')
    .where('hash', 'in', hashes)
    .where('usedAt', '<', before)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('teamChunks').select('teamChunks.hash').whereRef('teamChunks.hash', '=', 'chunks.hash'))),
    )
    .returning(['packId', 'storedBytes'])
    .execute()
  const freed = new Map<string, number>()
  for (const { packId, storedBytes } of gone) {
    freed.set(packId, (freed.get(packId) ?? 0) + storedBytes + frameHeadBytes)
  }
  for (const [id, bytes] of [...freed].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    await shrinkPack(trx, id, bytes)
  }
  return gone.length
}

/** Notes that a pack holds so many bytes less. */
export async function shrinkPack(trx: Trx, id: string, bytes: number): Promise<void> {
  await trx
    .updateTable('packs')
    .set((eb) => ({ liveBytes: eb('liveBytes', '-', bytes) }))
    .where('id', '=', id)
    .execute()
}

async function doomPacks({ db, clock }: ChunkParts): Promise<void> {
  await db
    .updateTable('packs')
    .set({ doomedAt: toIso(clock.now()) })
    .where('doomedAt', 'is', null)
    .where('liveBytes', '<=', 0)
    .where('arrived', 'is', null)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('chunks').select('chunks.hash').whereRef('chunks.packId', '=', 'packs.id'))),
    )
    .execute()
}
