import type { Tree } from '@nabla/api/tree'
import { decodeSegment, type TreeRoot } from '@nabla/api/tree-format'
import { decodeRoot } from '@nabla/api/tree-root'
import { inBatches } from '../db/batches.ts'
import { inTransaction } from '../db/transaction.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { makePace, type Pace } from '../lib/pace.ts'
import { readChunk, readChunks } from './chunk-reader.ts'
import { freshMs, isMarked, markSegments, type TeamChunk, touchTeamChunks } from './chunk-rows.ts'
import { makeTally } from './chunk-tally.ts'
import type { ChunkParts } from './packs.ts'
import { joinSegments, type SegmentSummary, summarise, TreeError } from './tree-check.ts'
import { holdTree } from './tree-rows.ts'

/** See `ChunkStore.commit`. One that is there already is only used anew; otherwise, only segments that are new are read. */
export async function commitTree(
  parts: ChunkParts,
  teamId: string,
  digest: string,
  signal?: AbortSignal,
): Promise<Tree> {
  const now = parts.clock.now()
  const there = await holdTree(parts.db, teamId, digest, now)
  if (there) return there
  const commit: Commit = { parts, teamId, digest, now, signal, pace: makePace(parts.clock) }
  try {
    const root = await readRoot(commit)
    const segments = await touchSegments(commit, root)
    const read = await readNew(commit, segments)
    await checkWhole(commit, root, read)
    return await insertTree(commit, root, read)
  } catch (error) {
    if (error instanceof TreeError) throw new AppError('bad_tree', { digest, reason: error.message })
    throw error
  }
}

interface Commit {
  parts: ChunkParts
  teamId: string
  digest: string
  now: number
  signal: AbortSignal | undefined
  pace: Pace
}

async function readRoot(commit: Commit): Promise<TreeRoot> {
  const { parts, teamId, digest, now } = commit
  const chunk = (await touchTeamChunks(parts.db, teamId, [digest], now)).get(digest)
  if (!chunk) throw new AppError('tree_incomplete', { digest, missing: 1 })
  if (chunk.sizeBytes > limits.treeRootBytes) throw new TreeError('its root is too large')
  const bytes = await readChunk(parts, digest, { signal: commit.signal, of: `the tree ${digest}` })
  return parsed(() => decodeRoot(bytes), 'its root is not one')
}

/** All segments, each once. */
async function touchSegments(commit: Commit, { segments }: TreeRoot): Promise<Map<string, TeamChunk>> {
  const { parts, teamId, digest, now } = commit
  const hashes = [...new Set(segments.map(([hash]) => hash))]
  const found = await touchTeamChunks(parts.db, teamId, hashes, now)
  if (found.size < hashes.length) {
    throw new AppError('tree_incomplete', { digest, missing: hashes.length - found.size })
  }
  for (const [hash, sizeBytes] of segments) {
    if (found.get(hash)?.sizeBytes !== sizeBytes) throw new TreeError(`the length of its segment ${hash} is another`)
  }
  return found
}

interface ReadSegments {
  /** Of all segments. */
  summaries: Map<string, SegmentSummary>
  /** Those that had none before. */
  summarised: Set<string>
  /** Those of which all chunks have been found now. */
  complete: string[]
}

/** Reads the segments that do not answer for their chunks, and checks that the team has each of these. */
async function readNew(commit: Commit, segments: ReadonlyMap<string, TeamChunk>): Promise<ReadSegments> {
  const { parts, now, signal, digest, pace } = commit
  const summaries = await findSummaries(parts, [...segments.keys()])
  const complete = [...segments].filter(([hash, chunk]) => !summaries.has(hash) || !isMarked(chunk, now))
  const hashes = complete.map(([hash]) => hash)
  const summarised = new Set(hashes.filter((hash) => !summaries.has(hash)))
  const tally = makeTally(parts.db, commit.teamId, now)
  let next = 0
  for await (const bytes of readChunks(parts, hashes, { signal, of: `the tree ${digest}` })) {
    const hash = hashes[next++] ?? ''
    const entries = parsed(() => decodeSegment(bytes), `its segment ${hash} is not one`)
    if (summarised.has(hash)) summaries.set(hash, summarise(entries))
    await tally.add(entries)
    await pace.rest()
  }
  const { missing, wrongSize } = await tally.finish()
  if (missing > 0) throw new AppError('tree_incomplete', { digest, missing })
  if (wrongSize !== undefined) throw new TreeError(`the length of its chunk ${wrongSize} is another`)
  return { summaries, summarised, complete: hashes }
}

async function findSummaries({ db }: ChunkParts, hashes: readonly string[]): Promise<Map<string, SegmentSummary>> {
  const summaries = new Map<string, SegmentSummary>()
  for (const batch of inBatches(hashes, limits.chunkRows)) {
    const rows = await db.selectFrom('chunks').select(['hash', 'summary']).where('hash', 'in', batch).execute()
    for (const { hash, summary } of rows) {
      if (summary !== null) summaries.set(hash, JSON.parse(summary) as SegmentSummary)
    }
  }
  return summaries
}

async function checkWhole(commit: Commit, root: TreeRoot, { summaries }: ReadSegments): Promise<void> {
  const join = joinSegments()
  for (const [hash] of root.segments) {
    const summary = summaries.get(hash)
    // All have been found: what is gone now was deleted since, which takes far longer than a commit.
    if (!summary) throw new AppError('tree_incomplete', { digest: commit.digest, missing: 1 })
    await join.add(summary, async (beginning) => {
      const entries = decodeSegment(await readChunk(commit.parts, hash, { signal: commit.signal }))
      return entries.some(({ path }) => path.startsWith(beginning))
    })
    await commit.pace.rest()
  }
  const { files, sizeBytes } = await join.finish(commit.pace)
  if (files !== root.files) throw new TreeError(`its root says ${root.files} files and there are ${files}`)
  if (sizeBytes !== root.sizeBytes) {
    throw new TreeError(`its root says ${root.sizeBytes} bytes and there are ${sizeBytes}`)
  }
}

async function insertTree(commit: Commit, root: TreeRoot, read: ReadSegments): Promise<Tree> {
  const { parts, teamId, digest, now } = commit
  const { files, sizeBytes } = root
  const usedAt = toIso(now)
  await inTransaction(parts.db, async (trx) => {
    for (const hash of read.summarised) {
      const summary = JSON.stringify(read.summaries.get(hash))
      await trx.updateTable('chunks').set({ summary }).where('hash', '=', hash).execute()
    }
    await markSegments(trx, teamId, [...read.complete, digest], now)
    await trx
      .insertInto('trees')
      .values({ teamId, digest, files, sizeBytes, createdAt: usedAt, usedAt })
      .onConflict((conflict) => conflict.columns(['teamId', 'digest']).doUpdateSet({ usedAt }))
      .execute()
    // What was found at the beginning is there for a good while yet, but not for ever.
    if (parts.clock.now() - now > freshMs) throw new AppError('busy', { detail: 'the tree took too long to check' })
  })
  return { digest, files, sizeBytes }
}

function parsed<T>(decode: () => T, otherwise: string): T {
  try {
    return decode()
  } catch (error) {
    throw new TreeError(otherwise, { cause: error })
  }
}
