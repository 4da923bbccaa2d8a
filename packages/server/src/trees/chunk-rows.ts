import type { Kysely } from 'kysely'
import { inBatches } from '../db/batches.ts'
import { laterOf } from '../db/compare.ts'
import { given, givenText, isOneOf } from '../db/lists.ts'
import type { ChunkRow, Tables } from '../db/tables.ts'
import type { Trx } from '../db/transaction.ts'
import { toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { othersTurn } from '../lib/pace.ts'

/**
 * How rows are guarded, with no locks. Whatever makes a chunk needed sets its `usedAt`, in `teamChunks` and, for a
 * team that had no row, in `chunks`. Whatever deletes a row names in the very statement the time before which it must
 * have been used last, far in the past, so one that came to be needed at that moment stays, or is found to be gone.
 */
export type Db = Kysely<Tables>

/** A chunk that a team has. */
export interface TeamChunk {
  sizeBytes: number
  markedAt: string | null
}

/** A row used since then need not be written again: what it promises is counted from there. */
export const freshMs: number = limits.chunkHoldMs / 4

/**
 * Those of `hashes` (each once) that the team has. Each was used after `now - freshMs`, or has been from now on, so
 * that none is deleted before `now + limits.chunkHoldMs - freshMs`.
 */
export async function touchTeamChunks(
  db: Db | Trx,
  teamId: string,
  hashes: readonly string[],
  now: number,
): Promise<Map<string, TeamChunk>> {
  const fresh = toIso(now - freshMs)
  const found = new Map<string, TeamChunk>()
  for (const batch of inBatches(hashes, limits.chunkRows)) {
    const rows = await db
      .selectFrom('teamChunks')
      .innerJoin('chunks', 'chunks.hash', 'teamChunks.hash')
      .select(['teamChunks.hash', 'teamChunks.usedAt', 'teamChunks.markedAt', 'chunks.sizeBytes'])
      .where(isOneOf(db, 'teamChunks.hash', batch))
      .where('teamChunks.teamId', '=', teamId)
      .execute()
    const stale = new Set(rows.filter((row) => row.usedAt < fresh).map((row) => row.hash))
    const still = await refresh(db, teamId, [...stale], toIso(now))
    for (const { hash, sizeBytes, markedAt } of rows) {
      if (!stale.has(hash) || still.has(hash)) found.set(hash, { sizeBytes, markedAt })
    }
    await othersTurn()
  }
  return found
}

/** Which of `hashes` are stored, whoever has them. */
export async function storedChunks(db: Db | Trx, hashes: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>()
  for (const batch of inBatches(hashes, limits.chunkRows)) {
    const rows = await db
      .selectFrom('chunks')
      .select('hash')
      .where(isOneOf(db, 'hash', batch))
      .execute()
    for (const { hash } of rows) found.add(hash)
    await othersTurn()
  }
  return found
}

/** Which of `hashes` are stored still; no collection that is under way deletes those. */
export async function holdChunks(trx: Trx, hashes: readonly string[], now: number): Promise<Set<string>> {
  const found = new Set<string>()
  for (const batch of inBatches(hashes, limits.chunkRows)) {
    const usedAt = toIso(now)
    const rows = await trx
      .updateTable('chunks')
      .set((eb) => ({ usedAt: laterOf(eb.ref('usedAt'), eb.val(usedAt)) }))
      .where('hash', 'in', batch)
      .returning('hash')
      .execute()
    for (const { hash } of rows) found.add(hash)
  }
  return found
}

const chunkColumns = {
  hash: 'text',
  packId: 'text',
  offsetBytes: 'integer',
  storedBytes: 'integer',
  sizeBytes: 'integer',
  compressed: 'integer',
  usedAt: 'text',
  summary: 'text',
} as const
const chunkNames = Object.keys(chunkColumns) as (keyof ChunkRow)[]

/**
 * Stores where chunks are, or uses the rows there are, many at a time. `rows` are in the order of their hashes, and each
 * comes once. Answers in which packs those are that somebody else has stored.
 */
export async function insertOrUse(trx: Trx, rows: readonly ChunkRow[]): Promise<Map<string, string>> {
  const elsewhere = new Map<string, string>()
  for (let start = 0; start < rows.length; start += limits.givenRows) {
    const some = rows.slice(start, start + limits.givenRows)
    const values = some.map((row) => chunkNames.map((name) => row[name]))
    const insert = trx
      .insertInto('chunks')
      .columns(chunkNames)
      .expression((eb) =>
        eb
          .selectFrom(given<ChunkRow>(trx, chunkColumns, values).as('given'))
          .select(chunkNames)
          // For SQLite, which would take the conflict for a part of a join.
          .where(eb.lit(true)),
      )
    const { numInsertedOrUpdatedRows } = await insert
      .onConflict((conflict) => conflict.column('hash').doNothing())
      .executeTakeFirstOrThrow()
    if (numInsertedOrUpdatedRows === BigInt(some.length)) continue
    // Those just inserted as well. One that is deleted at this moment is stored after all.
    const there = await insert
      .onConflict((conflict) =>
        conflict.column('hash').doUpdateSet((eb) => ({
          usedAt: laterOf(eb.ref('chunks.usedAt'), eb.ref('excluded.usedAt')),
        })),
      )
      .returning(['hash', 'packId'])
      .execute()
    for (const { hash, packId } of there) elsewhere.set(hash, packId)
  }
  return elsewhere
}

/** Stores where chunks are, but for those that somebody else has stored meanwhile. Answers with those it stored. */
export async function insertChunks(trx: Trx, rows: readonly ChunkRow[]): Promise<Set<string>> {
  const inserted = new Set<string>()
  for (const batch of inBatches(rows, limits.chunkRows)) {
    const done = await trx
      .insertInto('chunks')
      .values(batch)
      .onConflict((conflict) => conflict.column('hash').doNothing())
      .returning('hash')
      .execute()
    for (const { hash } of done) inserted.add(hash)
  }
  return inserted
}

/** Gives chunks to a team. */
export async function giveChunks(trx: Trx, teamId: string, hashes: readonly string[], now: number): Promise<void> {
  for (let start = 0; start < hashes.length; start += limits.givenRows) {
    const rows = hashes.slice(start, start + limits.givenRows).map((hash) => [hash])
    await trx
      .insertInto('teamChunks')
      .columns(['hash', 'teamId', 'usedAt'])
      .expression((eb) =>
        eb
          .selectFrom(given<{ hash: string }>(trx, { hash: 'text' }, rows).as('given'))
          .select(['hash', givenText(teamId).as('teamId'), givenText(toIso(now)).as('usedAt')])
          .where(eb.lit(true)),
      )
      .onConflict((conflict) =>
        conflict.columns(['hash', 'teamId']).doUpdateSet((eb) => ({
          usedAt: laterOf(eb.ref('teamChunks.usedAt'), eb.ref('excluded.usedAt')),
        })),
      )
      .execute()
  }
}

/** Notes of segments that all chunks which they name were there and used at `now`, less `freshMs`. */
export async function markSegments(
  db: Db | Trx,
  teamId: string,
  hashes: readonly string[],
  now: number,
): Promise<void> {
  for (const batch of inBatches(hashes, limits.chunkRows)) {
    await db
      .updateTable('teamChunks')
      .set({ markedAt: toIso(now) })
      .where('hash', 'in', batch)
      .where('teamId', '=', teamId)
      .execute()
  }
}

/** Whether a segment answers for its chunks: none of them is deleted before `now + limits.chunkHoldMs / 2`. */
export const isMarked = ({ markedAt }: TeamChunk, now: number): boolean =>
  markedAt !== null && markedAt >= toIso(now - freshMs)

async function refresh(db: Db | Trx, teamId: string, hashes: readonly string[], usedAt: string): Promise<Set<string>> {
  const still = new Set<string>()
  for (const batch of inBatches(hashes, limits.chunkRows)) {
    const rows = await db
      .updateTable('teamChunks')
      .set((eb) => ({ usedAt: laterOf(eb.ref('usedAt'), eb.val(usedAt)) }))
      .where('hash', 'in', batch)
      .where('teamId', '=', teamId)
      .returning('hash')
      .execute()
    for (const { hash } of rows) still.add(hash)
  }
  return still
}
