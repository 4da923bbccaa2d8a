import { inTransaction, type Trx } from '../db/transaction.ts'
import type { ChunkRow, PackRow } from '../db/tables.ts'
import { toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { giveChunks, insertOrUse, storedChunks } from './chunk-rows.ts'
import { frameBytes } from './frames.ts'
import { type ChunkParts, isStale, joinFrames, packKey, putPack, type StoredPack } from './packs.ts'
import type { Frame } from './parcel.ts'
import { shrinkPack } from './sweep-chunks.ts'

/**
 * Packs that came with many new chunks. The hashes of an upload come in no order, so to write the rows of each parcel as
 * it comes changes nearly every page of two tables, again and again. Instead the row of the pack says what those rows
 * will be; that much is acknowledged. They are written for many packs at once, in the order of their keys: before
 * a tree is made of them, before a collection, and when there are many.
 *
 * Until then no tree names these chunks, so nobody reads them; a pack with such a note is not empty, and no collection
 * removes or rewrites it. What was noted before a crash is found by its row.
 */
export class Arrivals {
  readonly #parts: ChunkParts
  readonly #from: number
  /** Chunks of packs that this process noted: only a help, to ask for none of them again. */
  readonly #noted = new Map<string, { teamId: string; packId: string }>()
  #since: number | undefined
  #turn: Promise<void> = Promise.resolve()
  #isFresh = true

  /** `from`: parcels with fewer chunks are not for this. */
  constructor(parts: ChunkParts, from: number = limits.arrivedFromChunks) {
    this.#parts = parts
    this.#from = from
  }

  /** Which of `hashes` came for this team, and are kept for as long as if they came now. */
  async notedFor(teamId: string, hashes: readonly string[]): Promise<Set<string>> {
    await this.#settleOld()
    return new Set(hashes.filter((hash) => this.#noted.get(hash)?.teamId === teamId))
  }

  /** Stores a parcel and notes what is in it, durably. False: it is none for this, and nothing was done. */
  async keep(teamId: string, bytes: Buffer, frames: readonly Frame[], signal?: AbortSignal): Promise<boolean> {
    await this.#settleOld()
    const hashes = frames.map(({ head }) => head.hash)
    if (hashes.some((hash) => this.#noted.has(hash))) await this.settle()
    if (hashes.length < this.#from || hashes.length > limits.arrivedToChunks) return false
    if ((await storedChunks(this.#parts.db, hashes)).size > 0) return false
    const pack = await putPack(this.#parts, joinFrames(bytes, frames), signal)
    if (!(await this.#alone(() => this.#note(teamId, pack, frames)))) {
      await this.#parts.store.remove(packKey(pack.id))
      return false
    }
    if (this.#noted.size >= limits.arrivedChunks) await this.settle()
    return true
  }

  /** Writes all rows that have been noted, by whichever process. */
  async settle(): Promise<void> {
    await this.#alone(async () => {
      this.#isFresh = false
      for (let more = true; more;) more = await this.#settleSome()
    })
  }

  /** What another life of the server noted, and what was noted so long ago that it may be gone again. */
  async #settleOld(): Promise<void> {
    const isOld = this.#since !== undefined && this.#parts.clock.now() - this.#since > limits.arrivedMs
    if (this.#isFresh || isOld) await this.settle()
  }

  /** False: the pack is not certain to be there any more, see `isStale`. */
  async #note(teamId: string, pack: StoredPack, frames: readonly Frame[]): Promise<boolean> {
    const { db, clock } = this.#parts
    const chunks = frames.map(({ head }): NotedChunk => {
      return [head.hash, head.storedBytes, head.sizeBytes, head.compressed ? 1 : 0]
    })
    const arrived = JSON.stringify({ teamId, chunks } satisfies Note)
    const isNoted = await inTransaction(db, async (trx) => {
      const now = clock.now()
      if (isStale(pack, now)) return false
      const row = { ...pack, liveBytes: pack.sizeBytes, createdAt: toIso(now), doomedAt: null, arrived }
      await trx.insertInto('packs').values(row).execute()
      return true
    })
    if (!isNoted) return false
    for (const { head } of frames) this.#noted.set(head.hash, { teamId, packId: pack.id })
    this.#since ??= clock.now()
    return true
  }

  /** Answers whether there may be more. */
  async #settleSome(): Promise<boolean> {
    const page = await this.#parts.db
      .selectFrom('packs')
      .select(['id', 'arrived'])
      .where('arrived', 'is not', null)
      .orderBy('id')
      .limit(packsAtOnce)
      .execute()
    if (page.length > 0) await writeRows(this.#parts, page)
    const settled = new Set(page.map(({ id }) => id))
    for (const [hash, { packId }] of this.#noted) if (settled.has(packId)) this.#noted.delete(hash)
    if (this.#noted.size === 0) this.#since = undefined
    return page.length === packsAtOnce
  }

  /** One after the other, so that no pack is settled between its row and the note of it here. */
  async #alone<T>(run: () => Promise<T>): Promise<T> {
    const before = this.#turn
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#turn = promise
    await before
    try {
      return await run()
    } finally {
      resolve()
    }
  }
}

/** Packs whose rows are written in one transaction. */
const packsAtOnce = 64

type NotedPack = Pick<PackRow, 'id' | 'arrived'>

interface ArrivedPack {
  id: string
  teamId: string
  rows: ChunkRow[]
}

interface Note {
  teamId: string
  chunks: NotedChunk[]
}

/** In the order in which they lie in the pack. */
type NotedChunk = [hash: string, storedBytes: number, sizeBytes: number, compressed: number]

function readNote({ id, arrived }: NotedPack, usedAt: string): ArrivedPack {
  const { teamId, chunks } = JSON.parse(arrived ?? '') as Note
  let offsetBytes = 0
  const rows = chunks.map(([hash, storedBytes, sizeBytes, compressed]) => {
    const row = { hash, packId: id, offsetBytes, storedBytes, sizeBytes, compressed, usedAt, summary: null }
    offsetBytes += frameBytes(row)
    return row
  })
  return { id, teamId, rows }
}

async function writeRows({ db, clock }: ChunkParts, packs: readonly NotedPack[]): Promise<void> {
  await inTransaction(db, async (trx) => {
    const now = clock.now()
    const mine = (await claim(trx, packs)).map((pack) => readNote(pack, toIso(now)))
    const rows = new Map<string, ChunkRow>()
    const teams = new Map<string, Set<string>>()
    for (const pack of mine) {
      const ofTeam = teams.get(pack.teamId) ?? new Set()
      teams.set(pack.teamId, ofTeam)
      for (const row of pack.rows) {
        if (!rows.has(row.hash)) rows.set(row.hash, row)
        ofTeam.add(row.hash)
      }
    }
    const elsewhere = await insertOrUse(trx, [...rows.values()].toSorted(byHash))
    for (const pack of mine) {
      const isDead = ({ hash }: ChunkRow) => (elsewhere.get(hash) ?? rows.get(hash)?.packId) !== pack.id
      const dead = pack.rows.filter(isDead).reduce((sum, row) => sum + frameBytes(row), 0)
      if (dead > 0) await shrinkPack(trx, pack.id, dead)
    }
    for (const [teamId, hashes] of teams) await giveChunks(trx, teamId, [...hashes].toSorted(), now)
  })
}

/** Those that no other process writes the rows of. */
async function claim(trx: Trx, packs: readonly NotedPack[]): Promise<NotedPack[]> {
  const ids = packs.map(({ id }) => id)
  const claimed = await trx
    .updateTable('packs')
    .set({ arrived: null })
    .where('id', 'in', ids)
    .where('arrived', 'is not', null)
    .returning('id')
    .execute()
  const found = new Set(claimed.map(({ id }) => id))
  return packs.filter(({ id }) => found.has(id))
}

const byHash = (a: ChunkRow, b: ChunkRow): number => (a.hash < b.hash ? -1 : 1)
