import { frameHeadBytes, writeFrameHead } from '@nabla/api/chunk-frame'
import { treeRequestLimits } from '@nabla/api/tree-limits'

/** The calls that chunks are sent with; each carries on when the connection drops. */
export interface ChunkCalls {
  lacking(hashes: { chunks: string[] } | { segments: string[] }): Promise<{ chunks: string[]; segments: string[] }>
  send(parcel: Uint8Array<ArrayBuffer>): Promise<unknown>
}

export interface Chunk {
  hash: string
  bytes: Uint8Array<ArrayBuffer>
}

/** Contents that are asked about together: chunks are held in memory until the server has answered. */
const slabBytes = 4 * 1024 * 1024
const slabChunks = 2000
/** Slabs and parcels that are under way at a time. */
const mostAsked = 2
const mostSent = 3

/**
 * Sends chunks that the server lacks, in parcels, several at a time; memory is bounded, and whoever has more to send
 * waits. They travel as they are: browsers have no zstd.
 */
export function chunkSender(calls: ChunkCalls, onSent: (bytes: number) => void) {
  const seen = new Set<string>()
  const asking = new Set<Promise<void>>()
  const sending = new Set<Promise<void>>()
  let slab: Chunk[] = []
  let slabLength = 0
  let parcel: Chunk[] = []
  let parcelLength = 0
  let failure: { error: unknown } | undefined

  const track = (tasks: Set<Promise<void>>, work: Promise<void>) => {
    const task = work.catch((error: unknown) => void (failure ??= { error })).finally(() => tasks.delete(task))
    tasks.add(task)
  }
  const room = async (tasks: ReadonlySet<Promise<void>>, most: number) => {
    while (tasks.size > most) await Promise.race(tasks)
    if (failure) throw failure.error
  }
  const dispatch = async () => {
    const chunks = parcel
    const bytes = parcelLength
    parcel = []
    parcelLength = 0
    if (chunks.length === 0) return
    await room(sending, mostSent - 1)
    track(
      sending,
      calls.send(toFrames(chunks, bytes)).then(() => onSent(bytes)),
    )
  }
  const put = async (chunk: Chunk) => {
    const length = frameHeadBytes + chunk.bytes.byteLength
    if (parcelLength > 0 && parcelLength + length > treeRequestLimits.usualParcelBytes) await dispatch()
    parcel.push(chunk)
    parcelLength += length
  }
  const ask = async (chunks: readonly Chunk[]) => {
    const { chunks: hashes } = await calls.lacking({ chunks: chunks.map(({ hash }) => hash) })
    const lacking = new Set(hashes)
    for (const chunk of chunks) if (lacking.has(chunk.hash)) await put(chunk)
  }
  const closeSlab = async () => {
    const chunks = slab
    slab = []
    slabLength = 0
    if (chunks.length === 0) return
    await room(asking, mostAsked - 1)
    track(asking, ask(chunks))
  }
  return {
    /** Takes a part of a file; it is sent if the server lacks it. Resolves when there is room for the next one. */
    async offer(chunk: Chunk): Promise<void> {
      if (seen.has(chunk.hash)) return
      seen.add(chunk.hash)
      slab.push(chunk)
      slabLength += chunk.bytes.byteLength
      if (slabLength >= slabBytes || slab.length >= slabChunks) await closeSlab()
    },
    /** Sends a chunk that is known to be lacking. */
    send: put,
    /** Resolves when all that was taken is on the disk of the server. */
    async flush(): Promise<void> {
      await closeSlab()
      await room(asking, 0)
      await dispatch()
      await room(sending, 0)
    },
  }
}

function toFrames(chunks: readonly Chunk[], length: number): Uint8Array<ArrayBuffer> {
  const parcel = new Uint8Array(length)
  let offset = 0
  for (const { hash, bytes } of chunks) {
    const sizeBytes = bytes.byteLength
    writeFrameHead(parcel, offset, { hash, sizeBytes, storedBytes: sizeBytes, compressed: false })
    parcel.set(bytes, offset + frameHeadBytes)
    offset += frameHeadBytes + sizeBytes
  }
  return parcel
}
