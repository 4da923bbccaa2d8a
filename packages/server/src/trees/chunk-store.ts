import type { Readable } from 'node:stream'
import type { Tree } from '@nabla/api/tree'
import { treeRequestLimits } from '@nabla/api/tree-limits'
import { AppError } from '../lib/app-error.ts'
import { ByteBudget } from '../lib/byte-budget.ts'
import { limits } from '../lib/limits.ts'
import { makePace } from '../lib/pace.ts'
import { Arrivals } from './arrivals.ts'
import { readChunk, readChunks } from './chunk-reader.ts'
import { isMarked, touchTeamChunks } from './chunk-rows.ts'
import { openChunkWriter } from './chunk-writer.ts'
import { collectChunks } from './collect.ts'
import { commitTree } from './commit.ts'
import { checkChunks } from './fsck.ts'
import { largeBuffers } from './large-buffers.ts'
import { type ChunkParts, keepFrames } from './packs.ts'
import { checkParcelSize, openParcel, readParcel } from './parcel.ts'

/**
 * Chunks by their hash: stored once for the whole server, in packs, and kept as long as something needs them.
 * A team has a chunk only if it sent the bytes itself, so knowing a hash opens nothing.
 */
export interface ChunkStore {
  /**
   * Which of these the team has to send. What is there is kept for at least half of `limits.chunkHoldMs`. A segment
   * that is there answers for all the chunks that it names; one of whose chunks that is not certain is lacking too.
   */
  lacking(teamId: string, wanted: Hashes): Promise<Hashes>
  /**
   * Stores the frames of a parcel, see `chunk-frame.ts`. Durable once it has resolved. Nothing is stored of a parcel
   * with anything wrong in it. `sizeBytes` is what the sender announced. Throws `bad_chunk`, `body_too_large`.
   */
  receive(teamId: string, parcel: Readable, options: ReceiveOptions): Promise<Received>
  /** For what the server itself takes in: chunks one after the other, compressed here and packed as they come. */
  add(teamId: string, signal?: AbortSignal): ChunkWriter
  /**
   * Makes a tree of a root and what it names, all of which the team has. It is kept while a volume refers to it, and
   * for `limits.unusedTreeMs` after this. Throws `tree_incomplete`, `bad_tree`, `damaged_chunk`.
   */
  commit(teamId: string, digest: string, signal?: AbortSignal): Promise<Tree>
  /**
   * The bytes of a chunk, their hash compared. Throws `damaged_chunk` when they are not what they should be or not
   * there. Whether the reader may see them is for the caller to know: it asks for what a tree of the team names.
   */
  read(hash: string, options?: ReadOptions): Promise<Buffer>
  /**
   * Many chunks in the order in which they are asked for, each as often as it is. Reads ahead, and of neighbours in a
   * pack at once, within `limits.readAheadBytes`.
   */
  readMany(hashes: Iterable<string>, options?: ReadOptions): AsyncIterable<Buffer>
  /**
   * Deletes what nothing needs: trees that nothing refers to, then chunks of no tree that have not been asked for in
   * `limits.chunkHoldMs`, then packs; and makes few full packs of many that are small or mostly empty. May be broken
   * off and repeated at any point.
   */
  collect(signal: AbortSignal): Promise<Collected>
  /** Reads all there is and compares it with what should be; says after each pack how far it is. Throws `busy`. */
  fsck(signal: AbortSignal): AsyncGenerator<FsckProgress, FsckReport, undefined>
}

export interface Hashes {
  chunks: readonly string[]
  segments: readonly string[]
}

export interface ReceiveOptions {
  signal: AbortSignal
  sizeBytes?: number | undefined
}

export interface Received {
  chunks: number
  newChunks: number
}

/** Several `add` may be under way at once. */
export interface ChunkWriter {
  /**
   * Takes a chunk and answers with its hash; the bytes are the caller's again. Waits while much is on its way to the
   * store. What has been added is durable, and the team's, only once `finish` has resolved.
   */
  add(bytes: Uint8Array): Promise<string>
  /** Stores what is left. To be called once, after all `add`; one that fails makes this fail. */
  finish(): Promise<void>
}

export interface ReadOptions {
  signal?: AbortSignal | undefined
  /** What the chunk is part of, for the message if it is damaged: a path, or `a tree`. */
  of?: string | undefined
  /** Of `readMany`: the bytes of a chunk are lent until the next one is asked for, so that their memory is used again. */
  lent?: boolean | undefined
}

export interface Collected {
  trees: number
  chunks: number
  packs: number
  /** Objects that no row knows. */
  extraObjects: number
  /** Teams of which a tree could not be read whole: nothing of theirs is deleted. */
  sparedTeams: number
  freedBytes: number
}

export interface FsckProgress {
  packs: number
  packsDone: number
  sizeBytes: number
  sizeBytesDone: number
}

export interface AffectedTree {
  teamId: string
  digest: string
  missing: number
  volumes: { purpose: string; id: string }[]
}

export interface FsckReport {
  packs: number
  chunks: number
  sizeBytes: number
  /** Objects that should be in the store and are not. */
  missingObjects: string[]
  /** Objects that no row knows. Young ones may belong to an upload under way; `collect` removes them in time. */
  extraObjects: { key: string; sizeBytes: number }[]
  /** Chunks whose bytes are not there, or not what they should be. */
  damagedChunks: { hash: string; key: string; reason: string }[]
  /** Trees that cannot be read whole, how many of their chunks are missing or damaged, and the volumes that they are. */
  affectedTrees: AffectedTree[]
}

/**
 * Makes the store of chunks over an object store and the rows of the database. Holds nothing that has to be closed.
 * `arrivedFrom`: parcels of so many new chunks get their rows later, see `Arrivals`.
 */
export function openChunkStore(parts: ChunkParts, arrivedFrom?: number): ChunkStore {
  const budget = new ByteBudget(limits.parcelsBytes)
  const arrivals = new Arrivals(parts, arrivedFrom)
  const checking = { now: false }
  return {
    lacking: (teamId, wanted) => findLacking(parts, arrivals, teamId, wanted),
    receive: (teamId, parcel, options) => receiveParcel({ ...parts, budget, arrivals }, teamId, parcel, options),
    add: (teamId, signal) => openChunkWriter(parts, teamId, signal),
    async commit(teamId, digest, signal) {
      await arrivals.settle()
      return commitTree(parts, teamId, digest, signal)
    },
    read: (hash, options) => readChunk(parts, hash, options),
    readMany: (hashes, options) => readChunks(parts, hashes, options),
    async collect(signal) {
      await arrivals.settle()
      return collectChunks(parts, signal)
    },
    fsck: (signal) => oneCheck(parts, arrivals, checking, signal),
  }
}

/** One check reads the disk as fast as it can; a second would only slow it down. */
async function* oneCheck(parts: ChunkParts, arrivals: Arrivals, checking: { now: boolean }, signal: AbortSignal) {
  if (checking.now) throw new AppError('busy', { detail: 'what it stores is being checked already' })
  checking.now = true
  try {
    await arrivals.settle()
    return yield* checkChunks(parts, signal)
  } finally {
    checking.now = false
  }
}

async function findLacking(
  { db, clock }: ChunkParts,
  arrivals: Arrivals,
  teamId: string,
  wanted: Hashes,
): Promise<Hashes> {
  const now = clock.now()
  const [chunks, segments] = [new Set(wanted.chunks), new Set(wanted.segments)]
  for (const hash of await arrivals.notedFor(teamId, wanted.chunks)) chunks.delete(hash)
  for (const [hash] of await touchTeamChunks(db, teamId, [...chunks], now)) chunks.delete(hash)
  for (const [hash, chunk] of await touchTeamChunks(db, teamId, [...segments], now)) {
    if (isMarked(chunk, now)) segments.delete(hash)
  }
  return { chunks: [...chunks], segments: [...segments] }
}

interface Receiving extends ChunkParts {
  budget: ByteBudget
  arrivals: Arrivals
}

async function receiveParcel(
  parts: Receiving,
  teamId: string,
  source: Readable,
  { signal, sizeBytes }: ReceiveOptions,
): Promise<Received> {
  const firstBytes = checkParcelSize(sizeBytes)
  const giveBack = await parts.budget.take(sizeBytes ?? treeRequestLimits.parcelBytes, signal)
  const late = new AbortController()
  const cancel = parts.clock.after(limits.parcelMs, () =>
    late.abort(new AppError('bad_chunk', { reason: 'it did not arrive in time' })),
  )
  try {
    const isLarge = firstBytes > treeRequestLimits.usualParcelBytes / 2
    const memory = isLarge ? largeBuffers.take(firstBytes) : Buffer.allocUnsafeSlow(firstBytes)
    const parcel = await readParcel(source, memory, AbortSignal.any([signal, late.signal]))
    cancel()
    const frames = await openParcel(parcel, makePace(parts.clock))
    const isNoted = await parts.arrivals.keep(teamId, parcel, frames, signal)
    const newChunks = isNoted ? frames.length : await keepFrames(parts, teamId, parcel, frames, signal)
    // Not after a failure: a request to a store that was broken off may hold on to it for a moment.
    largeBuffers.give(memory)
    return { chunks: frames.length, newChunks }
  } finally {
    cancel()
    giveBack()
  }
}
