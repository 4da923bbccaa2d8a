import { randomBytes } from 'node:crypto'
import type { ChunkRow } from '../db/tables.ts'
import { inTransaction } from '../db/transaction.ts'
import { type Clock, toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { ObjectStore } from '../stores/store.ts'
import { type Db, giveChunks, holdChunks, insertChunks, storedChunks } from './chunk-rows.ts'
import { frameBytes } from './frames.ts'
import type { Frame } from './parcel.ts'

/** What all parts of the store of chunks work with. */
export interface ChunkParts {
  db: Db
  store: ObjectStore
  clock: Clock
}

/** Where packs are in the object store. */
export const packPrefix = 'packs/'

export const packKey = (id: string): string => packPrefix + id

/** A new id: the time in milliseconds, as 9 digits to the base 36, and 64 random bits. */
export function newPackId(now: number): string {
  return now.toString(36).padStart(9, '0') + randomBytes(8).toString('hex')
}

/** When a pack was made, in milliseconds, by its id; undefined for what is no id. */
export function packTime(id: string): number | undefined {
  return /^[0-9a-z]{9}[0-9a-f]{16}$/.test(id) ? Number.parseInt(id.slice(0, 9), 36) : undefined
}

/**
 * Stores frames that have been checked, each chunk once, and gives them to the team: the new ones as one object, and
 * then all rows in one transaction. `bytes` holds the frames. Answers how many were new.
 *
 * A key is never written twice, so nothing here can meet the removal of an old object. A crash in between leaves an
 * object that no row knows, which a collection removes later.
 */
export async function keepFrames(
  parts: ChunkParts,
  teamId: string,
  bytes: Buffer,
  frames: readonly Frame[],
  signal?: AbortSignal,
): Promise<number> {
  if (frames.length === 0) return 0
  // All in one order, so that two who store the same do not wait for each other in a circle.
  const sorted = frames.toSorted((a, b) => (a.head.hash < b.head.hash ? -1 : 1))
  let known = await storedChunks(
    parts.db,
    sorted.map(({ head }) => head.hash),
  )
  for (;;) {
    const fresh = frames.filter(({ head }) => !known.has(head.hash))
    const pack = fresh.length === 0 ? null : await putPack(parts, joinFrames(bytes, fresh), signal)
    const rows = pack === null ? [] : rowsOf(pack, fresh, toIso(parts.clock.now()))
    const lost = await writeRows(parts, { teamId, sorted, known, pack, rows })
    if (lost?.size === 0) return fresh.length
    // Either chunks were deleted just now, after they were found to be there, or the pack is not certain to be there
    // any more: the bytes are here, so what is not there is stored anew.
    if (pack !== null) await parts.store.remove(packKey(pack.id))
    if (lost === null) continue
    known = new Set([...known].filter((hash) => !lost.has(hash)))
  }
}

export interface StoredPack {
  id: string
  sizeBytes: number
}

export async function putPack(parts: ChunkParts, bytes: Uint8Array, signal?: AbortSignal): Promise<StoredPack> {
  const id = newPackId(parts.clock.now())
  await parts.store.put(packKey(id), bytes, signal)
  return { id, sizeBytes: bytes.length }
}

/** Whether a pack without rows is so old that a collection may soon take it for one that nobody needs. */
export const isStale = ({ id }: StoredPack, now: number): boolean =>
  now - (packTime(id) ?? -Infinity) > limits.strayPackMs / 4

/** The rows of the chunks that a pack holds, one after the other. */
function rowsOf(pack: StoredPack, frames: readonly Frame[], usedAt: string): ChunkRow[] {
  let offsetBytes = 0
  return frames.map(({ head }) => {
    const { hash, sizeBytes, storedBytes } = head
    const compressed = head.compressed ? 1 : 0
    const row = { hash, packId: pack.id, offsetBytes, storedBytes, sizeBytes, compressed, usedAt, summary: null }
    offsetBytes += frameBytes(head)
    return row
  })
}

/** The frames one after the other: the buffer itself where it holds nothing else. */
export function joinFrames(bytes: Buffer, frames: readonly Frame[]): Buffer {
  const pieces = frames.map(({ head, offset }) => bytes.subarray(offset, offset + frameBytes(head)))
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return length === bytes.length ? bytes : Buffer.concat(pieces, length)
}

interface NewRows {
  teamId: string
  sorted: readonly Frame[]
  known: ReadonlySet<string>
  pack: StoredPack | null
  rows: readonly ChunkRow[]
}

/**
 * Answers with the chunks of `known` that are gone, or null when the pack has become too old; then nothing was written.
 */
async function writeRows({ db, clock }: ChunkParts, given: NewRows): Promise<Set<string> | null> {
  const { teamId, sorted, known, pack } = given
  const hashes = sorted.map(({ head }) => head.hash)
  return inTransaction(db, async (trx) => {
    const now = clock.now()
    if (pack !== null && isStale(pack, now)) return null
    const expected = hashes.filter((hash) => known.has(hash))
    const held = await holdChunks(trx, expected, now)
    const lost = new Set(expected.filter((hash) => !held.has(hash)))
    if (lost.size > 0) return lost
    if (pack !== null) {
      const rows = given.rows.toSorted((a, b) => (a.hash < b.hash ? -1 : 1))
      const inserted = await insertChunks(trx, rows)
      let liveBytes = 0
      for (const row of rows) if (inserted.has(row.hash)) liveBytes += frameBytes(row)
      await trx
        .insertInto('packs')
        .values({ ...pack, liveBytes, createdAt: toIso(now), doomedAt: null, arrived: null })
        .execute()
    }
    await giveChunks(trx, teamId, hashes, now)
    return lost
  })
}
