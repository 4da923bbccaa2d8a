import { frameHeadBytes, writeFrameHead } from '@nabla/api/chunk-frame'
import { limits } from '../lib/limits.ts'
import { makePace, type Pace } from '../lib/pace.ts'
import type { ChunkWriter } from './chunk-store.ts'
import { touchTeamChunks } from './chunk-rows.ts'
import { deflate, hashChunk } from './frames.ts'
import { type ChunkParts, keepFrames } from './packs.ts'
import type { Frame } from './parcel.ts'

/** See `ChunkStore.add`. Holds at most two packs: one that is filled, and one on its way to the store. */
export function openChunkWriter(parts: ChunkParts, teamId: string, signal?: AbortSignal): ChunkWriter {
  const pace = makePace(parts.clock)
  let pending = new Map<string, Buffer>()
  let pendingBytes = 0
  let storing: Promise<void> = Promise.resolve()

  const flush = async () => {
    const chunks = pending
    pending = new Map()
    pendingBytes = 0
    await storing
    storing = storeChunks(parts, teamId, chunks, pace, signal)
    // Whoever comes next hears of a failure.
    storing.catch(() => {})
  }
  return {
    async add(bytes) {
      signal?.throwIfAborted()
      const hash = await hashChunk(bytes, pace)
      await pace.rest()
      if (pending.has(hash)) return hash
      pending.set(hash, Buffer.from(bytes))
      pendingBytes += bytes.length
      if (pendingBytes >= limits.ownPackBytes) await flush()
      return hash
    },
    async finish() {
      await flush()
      await storing
    },
  }
}

async function storeChunks(
  parts: ChunkParts,
  teamId: string,
  chunks: ReadonlyMap<string, Buffer>,
  pace: Pace,
  signal: AbortSignal | undefined,
): Promise<void> {
  const there = await touchTeamChunks(parts.db, teamId, [...chunks.keys()], parts.clock.now())
  const frames: Frame[] = []
  const pieces: Buffer[] = []
  let offset = 0
  for (const [hash, chunk] of chunks) {
    if (there.has(hash)) continue
    signal?.throwIfAborted()
    const packed = await deflate(chunk)
    const stored = packed ?? chunk
    const head = { hash, sizeBytes: chunk.length, storedBytes: stored.length, compressed: packed !== undefined }
    const headBytes = Buffer.alloc(frameHeadBytes)
    writeFrameHead(headBytes, 0, head)
    frames.push({ head, offset })
    pieces.push(headBytes, stored)
    offset += frameHeadBytes + stored.length
    await pace.rest()
  }
  if (frames.length > 0) await keepFrames(parts, teamId, Buffer.concat(pieces, offset), frames, signal)
}
