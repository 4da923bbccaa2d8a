import { frameHeadBytes } from '@nabla/api/chunk-frame'
import { inBatches } from '../db/batches.ts'
import type { ChunkRow, PackRow } from '../db/tables.ts'
import { inTransaction, type Trx } from '../db/transaction.ts'
import { toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { makePace } from '../lib/pace.ts'
import { StoreError } from '../stores/store.ts'
import { frameBytes, FrameError, openFrame } from './frames.ts'
import { type ChunkParts, isStale, packKey, putPack } from './packs.ts'
import { shrinkPack } from './sweep-chunks.ts'

/**
 * Makes full packs of those that are mostly empty, and of small ones once there are many. Chunks get a new place in a
 * new pack, and whoever has looked up the old one still finds them there for a while.
 */
export async function repackChunks(parts: ChunkParts, signal: AbortSignal): Promise<void> {
  for (const group of groupPacks(await findWasteful(parts))) {
    signal.throwIfAborted()
    await rewrite(parts, group, signal)
  }
}

type Pack = Pick<PackRow, 'id' | 'sizeBytes' | 'liveBytes'>

/** Packs written anew by one collection: about half a minute of work. */
const mostPacks = 256

async function findWasteful({ db, clock }: ChunkParts): Promise<Pack[]> {
  const settled = toIso(clock.now() - limits.doomedPackMs)
  const live = db
    .selectFrom('packs')
    .select(['id', 'sizeBytes', 'liveBytes'])
    .where('doomedAt', 'is', null)
    .where('liveBytes', '>', 0)
    .where('arrived', 'is', null)
    .where('createdAt', '<', settled)
    .orderBy('id')
    .limit(mostPacks)
  const empty = await live.where((eb) => eb(eb('liveBytes', '*', 2), '<', eb.ref('sizeBytes'))).execute()
  const small = await live.where('sizeBytes', '<', limits.smallPackBytes).execute()
  const chosen = new Map(empty.map((pack) => [pack.id, pack]))
  if (small.length >= limits.smallPacks) for (const pack of small) chosen.set(pack.id, pack)
  return [...chosen.values()]
}

/** As many in each group as fill a pack. */
function groupPacks(packs: readonly Pack[]): Pack[][] {
  const groups: Pack[][] = []
  let filled = Infinity
  for (const pack of packs) {
    if (filled + pack.liveBytes > limits.packBytes) {
      groups.push([])
      filled = 0
    }
    groups.at(-1)?.push(pack)
    filled += pack.liveBytes
  }
  return groups
}

interface Moving {
  row: ChunkRow
  frame: Buffer
}

async function rewrite(parts: ChunkParts, packs: readonly Pack[], signal: AbortSignal): Promise<void> {
  const moving: Moving[] = []
  for (const pack of packs) moving.push(...(await readLive(parts, pack, signal)))
  if (moving.length === 0) return
  const bytes = Buffer.concat(moving.map(({ frame }) => frame))
  const pack = await putPack(parts, bytes, signal)
  let offsetBytes = 0
  const rows = moving.map(({ row }) => {
    const moved = { ...row, packId: pack.id, offsetBytes }
    offsetBytes += frameBytes(row)
    return moved
  })
  const from = new Map(moving.map(({ row }) => [row.hash, row.packId]))
  const places = packs.map(({ id }) => id)
  await inTransaction(parts.db, async (trx) => {
    // Left to be removed as an object that no row knows; the chunks stay where they are.
    if (isStale(pack, parts.clock.now())) return
    let liveBytes = 0
    const left = new Map<string, number>()
    for (const found of inBatches(rows, limits.chunkRows)) {
      const there = await holdPlaces(trx, places, found)
      const batch = found.filter(({ hash }) => there.has(hash))
      if (batch.length === 0) continue
      const moved = await trx
        .insertInto('chunks')
        .values(batch)
        .onConflict((conflict) =>
          conflict
            .column('hash')
            .doUpdateSet((eb) => ({
              packId: eb.ref('excluded.packId'),
              offsetBytes: eb.ref('excluded.offsetBytes'),
              storedBytes: eb.ref('excluded.storedBytes'),
              compressed: eb.ref('excluded.compressed'),
            }))
            .where('chunks.packId', 'in', places),
        )
        .returning(['hash', 'storedBytes'])
        .execute()
      for (const { hash, storedBytes } of moved) {
        const id = from.get(hash) ?? ''
        liveBytes += frameHeadBytes + storedBytes
        left.set(id, (left.get(id) ?? 0) + frameHeadBytes + storedBytes)
      }
    }
    await trx
      .insertInto('packs')
      .values({ ...pack, liveBytes, createdAt: toIso(parts.clock.now()), doomedAt: null, arrived: null })
      .execute()
    for (const [id, sizeBytes] of left) await shrinkPack(trx, id, sizeBytes)
  })
}

/**
 * Which of these chunks are still in one of these packs. Nobody deletes or moves them before the end of the transaction:
 * one that was deleted must not come back, since its pack has been told that it holds less.
 */
async function holdPlaces(trx: Trx, places: readonly string[], rows: readonly ChunkRow[]): Promise<Set<string>> {
  const held = await trx
    .updateTable('chunks')
    .set((eb) => ({ offsetBytes: eb.ref('offsetBytes') }))
    .where(
      'hash',
      'in',
      rows.map(({ hash }) => hash),
    )
    .where('packId', 'in', places)
    .returning('hash')
    .execute()
  return new Set(held.map(({ hash }) => hash))
}

/** The frames of a pack that are still needed, each checked; none where something is wrong: that pack stays as it is. */
async function readLive(parts: ChunkParts, pack: Pack, signal: AbortSignal): Promise<Moving[]> {
  const pace = makePace(parts.clock)
  const rows = await parts.db
    .selectFrom('chunks')
    .selectAll()
    .where('packId', '=', pack.id)
    .orderBy('offsetBytes')
    .execute()
  try {
    const bytes = await parts.store.get(packKey(pack.id), undefined, signal)
    const moving: Moving[] = []
    for (const row of rows) {
      const frame = bytes.subarray(row.offsetBytes, row.offsetBytes + frameBytes(row))
      await openFrame({ ...row, compressed: row.compressed === 1 }, frame.subarray(frameHeadBytes), pace)
      moving.push({ row, frame })
      await pace.rest()
    }
    return moving
  } catch (error) {
    // For fsck to report.
    if (error instanceof StoreError || error instanceof FrameError) return []
    throw error
  }
}
