import { decodeSegment } from '@nabla/api/tree-format'
import { decodeRoot } from '@nabla/api/tree-root'
import { inBatches } from '../db/batches.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { makePace } from '../lib/pace.ts'
import { readChunk, readChunks } from './chunk-reader.ts'
import { isMarked, markSegments, touchTeamChunks } from './chunk-rows.ts'
import type { Collected } from './chunk-store.ts'
import { makeTally } from './chunk-tally.ts'
import type { ChunkParts } from './packs.ts'
import { repackChunks } from './repack.ts'
import { deleteChunks, removePacks } from './sweep-chunks.ts'

/**
 * See `ChunkStore.collect`. First trees that nothing refers to lose their rows. What the others need is used from now
 * on, and only then is deleted what was used last long before this began. A tree that is committed meanwhile has used
 * its chunks itself, and a tree without a row cannot come back but by a commit: so whatever this does not see is safe.
 */
export async function collectChunks(parts: ChunkParts, signal: AbortSignal): Promise<Collected> {
  const start = parts.clock.now()
  const trees = await deleteUnusedTrees(parts, start)
  const unread = await markTrees(parts, start, signal)
  const deleted = await deleteChunks(parts, toIso(start - limits.chunkHoldMs), unread, signal)
  await repackChunks(parts, signal)
  const removed = await removePacks(parts, start, signal)
  return { trees, sparedTeams: unread.size, ...deleted, ...removed }
}

async function deleteUnusedTrees({ db }: ChunkParts, start: number): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('trees')
    .where('usedAt', '<', toIso(start - limits.unusedTreeMs))
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('volumes')
            .select('volumes.id')
            .whereRef('volumes.treeDigest', '=', 'trees.digest')
            .whereRef('volumes.teamId', '=', 'trees.teamId'),
        ),
      ),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** Trees looked at by one query. */
const pageTrees = 256

/**
 * Uses all that trees need from now on. Answers with the teams of which something could not be read: nothing of theirs
 * may be deleted, since what it names is not known.
 */
async function markTrees(parts: ChunkParts, start: number, signal: AbortSignal): Promise<Set<string>> {
  const unread = new Set<string>()
  for await (const page of treePages(parts)) {
    for (const [teamId, trees] of Map.groupBy(page, (tree) => tree.teamId)) {
      const digests = trees.map(({ digest }) => digest)
      const roots = await touchTeamChunks(parts.db, teamId, digests, start)
      for (const digest of digests) {
        signal.throwIfAborted()
        const root = roots.get(digest)
        if (root && isMarked(root, start)) continue
        if (!root || !(await markTree(parts, teamId, digest, start, signal))) unread.add(teamId)
      }
    }
  }
  return unread
}

async function* treePages({ db }: ChunkParts) {
  let last: { teamId: string; digest: string } | undefined
  for (;;) {
    const after = last
    const page = await db
      .selectFrom('trees')
      .select(['teamId', 'digest'])
      .$if(after !== undefined, (query) =>
        query.where((eb) =>
          eb(eb.refTuple('teamId', 'digest'), '>', eb.tuple(after?.teamId ?? '', after?.digest ?? '')),
        ),
      )
      .orderBy('teamId')
      .orderBy('digest')
      .limit(pageTrees)
      .execute()
    if (page.length > 0) yield page
    last = page.at(-1)
    if (page.length < pageTrees) return
  }
}

/** False: something of it could not be read, or was not there. */
async function markTree(
  parts: ChunkParts,
  teamId: string,
  digest: string,
  start: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const root = decodeRoot(await readChunk(parts, digest, { signal }))
    const hashes = [...new Set(root.segments.map(([hash]) => hash))]
    const segments = await touchTeamChunks(parts.db, teamId, hashes, start)
    const stale = hashes.filter((hash) => {
      const segment = segments.get(hash)
      return segment !== undefined && !isMarked(segment, start)
    })
    let whole = segments.size === hashes.length
    // In groups, so that one that is broken off has got somewhere.
    for (const group of inBatches(stale, limits.chunkRows)) {
      if (await markGroup(parts, teamId, group, start, signal)) await markSegments(parts.db, teamId, group, start)
      else whole = false
    }
    if (whole) await markSegments(parts.db, teamId, [digest], start)
    return whole
  } catch (error) {
    if (error instanceof AppError && error.code === 'damaged_chunk') return false
    throw error
  }
}

async function markGroup(
  parts: ChunkParts,
  teamId: string,
  hashes: readonly string[],
  start: number,
  signal: AbortSignal,
): Promise<boolean> {
  const pace = makePace(parts.clock)
  const tally = makeTally(parts.db, teamId, start)
  for await (const bytes of readChunks(parts, hashes, { signal })) {
    await tally.add(decodeSegment(bytes))
    await pace.rest()
  }
  const { missing } = await tally.finish()
  return missing === 0
}
