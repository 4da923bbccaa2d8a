import { frameHeadBytes, readFrameHead } from '@nabla/api/chunk-frame'
import { decodeSegment } from '@nabla/api/tree-format'
import { decodeRoot } from '@nabla/api/tree-root'
import type { ChunkRow, PackRow } from '../db/tables.ts'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import { makePace, type Pace } from '../lib/pace.ts'
import { StoreError } from '../stores/store.ts'
import { readChunk, whyUnread } from './chunk-reader.ts'
import { storedChunks } from './chunk-rows.ts'
import type { FsckProgress, FsckReport } from './chunk-store.ts'
import { frameBytes, FrameError, openFrame } from './frames.ts'
import { type ChunkParts, packKey } from './packs.ts'
import { strayPacks } from './sweep-chunks.ts'

/** See `ChunkStore.fsck`. Uploads and collections may go on meanwhile: what they change is no finding. */
export async function* checkChunks(
  parts: ChunkParts,
  signal: AbortSignal,
): AsyncGenerator<FsckProgress, FsckReport, undefined> {
  const { clock, db } = parts
  const report: FsckReport = {
    packs: 0,
    chunks: 0,
    sizeBytes: 0,
    missingObjects: [],
    extraObjects: [],
    damagedChunks: [],
    affectedTrees: [],
  }
  const total = await db
    .selectFrom('packs')
    .select((eb) => [eb.fn.countAll<number>().as('packs'), eb.fn.sum<number | null>('sizeBytes').as('sizeBytes')])
    .where('doomedAt', 'is', null)
    .executeTakeFirstOrThrow()
  for await (const pack of allPacks(parts)) {
    signal.throwIfAborted()
    await checkPack(parts, pack, report, signal)
    report.packs += 1
    report.sizeBytes += pack.sizeBytes
    yield {
      packs: total.packs,
      packsDone: report.packs,
      sizeBytes: total.sizeBytes ?? 0,
      sizeBytesDone: report.sizeBytes,
    }
  }
  for await (const stray of strayPacks(parts, clock.now() - limits.doomedPackMs, signal))
    report.extraObjects.push(stray)
  await findAffected(parts, report, signal)
  return report
}

type Pack = Pick<PackRow, 'id' | 'sizeBytes'>

async function* allPacks({ db }: ChunkParts): AsyncGenerator<Pack, void, undefined> {
  let last = ''
  for (;;) {
    const page = await db
      .selectFrom('packs')
      .select(['id', 'sizeBytes'])
      .where('id', '>', last)
      .where('doomedAt', 'is', null)
      .orderBy('id')
      .limit(limits.pageRows)
      .execute()
    yield* page
    const end = page.at(-1)
    if (!end) return
    last = end.id
  }
}

async function checkPack(parts: ChunkParts, pack: Pack, report: FsckReport, signal: AbortSignal): Promise<void> {
  const key = packKey(pack.id)
  const pace = makePace(parts.clock)
  const bytes = await parts.store.get(key, undefined, signal).catch((error: unknown) => {
    if (!(error instanceof StoreError)) throw error
    return error
  })
  const rows = await rowsOf(parts, pack.id)
  report.chunks += rows.length
  // What has been moved or deleted since it was listed left its pack without a chunk.
  if (bytes instanceof StoreError && rows.length > 0) report.missingObjects.push(key)
  for (const row of rows) {
    const reason = bytes instanceof StoreError ? whyUnread(bytes) : await whatIsWrong(row, bytes, pace)
    if (reason !== undefined) report.damagedChunks.push({ hash: row.hash, key, reason })
    await pace.rest()
  }
}

function rowsOf({ db }: ChunkParts, packId: string): Promise<ChunkRow[]> {
  return db.selectFrom('chunks').selectAll().where('packId', '=', packId).orderBy('offsetBytes').execute()
}

async function whatIsWrong(row: ChunkRow, pack: Buffer, pace: Pace): Promise<string | undefined> {
  const frame = pack.subarray(row.offsetBytes, row.offsetBytes + frameBytes(row))
  if (frame.length < frameBytes(row)) return 'the pack that holds it is cut off'
  const head = readFrameHead(frame, 0)
  const { hash, sizeBytes, storedBytes } = row
  const compressed = row.compressed === 1
  if (head.hash !== hash) return 'another chunk is in its place'
  if (head.sizeBytes !== sizeBytes || head.storedBytes !== storedBytes || head.compressed !== compressed) {
    return 'its head says other lengths'
  }
  try {
    await openFrame(head, frame.subarray(frameHeadBytes), pace)
    return undefined
  } catch (error) {
    if (error instanceof FrameError) return error.message
    throw error
  }
}

/** Segments that were found to be whole, remembered so that trees that share them are looked through once. */
const rememberedSegments = 200_000

async function findAffected(parts: ChunkParts, report: FsckReport, signal: AbortSignal): Promise<void> {
  const bad = new Set(report.damagedChunks.map(({ hash }) => hash))
  const whole = new Set<string>()
  let last = ''
  for (;;) {
    const page = await parts.db
      .selectFrom('trees')
      .select(['digest'])
      .distinct()
      .where('digest', '>', last)
      .orderBy('digest')
      .limit(limits.pageRows)
      .execute()
    for (const { digest } of page) {
      const missing = await countBad(parts, digest, bad, whole, signal)
      if (missing === 0) continue
      const owners = await parts.db.selectFrom('trees').select('teamId').where('digest', '=', digest).execute()
      for (const { teamId } of owners) {
        report.affectedTrees.push({ teamId, digest, missing, volumes: await volumesOf(parts, teamId, digest) })
      }
    }
    const end = page.at(-1)
    if (!end) return
    last = end.digest
  }
}

function volumesOf({ db }: ChunkParts, teamId: string, digest: string) {
  return db
    .selectFrom('volumes')
    .select(['purpose', 'id'])
    .where('treeDigest', '=', digest)
    .where('teamId', '=', teamId)
    .orderBy('id')
    .limit(limits.pageRows)
    .execute()
}

/** Chunks of a tree that are damaged or not there. Those of a segment that cannot be read are not known: it counts as one. */
async function countBad(
  parts: ChunkParts,
  digest: string,
  bad: ReadonlySet<string>,
  whole: Set<string>,
  signal: AbortSignal,
): Promise<number> {
  const root = await readOr(parts, digest, signal)
  if (!root) return 1
  let missing = 0
  for (const [hash] of decodeRoot(root).segments) {
    if (whole.has(hash)) continue
    const segment = await readOr(parts, hash, signal)
    const found = segment ? await countBadOf(parts, segment, bad) : 1
    missing += found
    if (found === 0 && whole.size < rememberedSegments) whole.add(hash)
  }
  return missing
}

async function countBadOf(parts: ChunkParts, segment: Buffer, bad: ReadonlySet<string>): Promise<number> {
  const hashes = new Set<string>()
  for (const entry of decodeSegment(segment)) {
    if (entry.type === 'file') for (const [hash] of entry.chunks) hashes.add(hash)
  }
  const stored = await storedChunks(parts.db, [...hashes])
  let missing = 0
  for (const hash of hashes) if (bad.has(hash) || !stored.has(hash)) missing += 1
  return missing
}

async function readOr(parts: ChunkParts, hash: string, signal: AbortSignal): Promise<Buffer | undefined> {
  try {
    return await readChunk(parts, hash, { signal })
  } catch (error) {
    if (error instanceof AppError && error.code === 'damaged_chunk') return undefined
    throw error
  }
}
