import { frameHeadBytes } from '@nabla/api/chunk-frame'
import { inBatches } from '../db/batches.ts'
import type { ChunkRow } from '../db/tables.ts'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import { makePace, type Pace } from '../lib/pace.ts'
import { collectYoungGarbage } from '../lib/young-garbage.ts'
import { StoreError } from '../stores/store.ts'
import type { ReadOptions } from './chunk-store.ts'
import { frameBytes, FrameError, openFrame } from './frames.ts'
import { readBuffers } from './large-buffers.ts'
import { type ChunkParts, packKey } from './packs.ts'

type Place = Pick<ChunkRow, 'hash' | 'packId' | 'offsetBytes' | 'storedBytes' | 'sizeBytes' | 'compressed'>

/** See `ChunkStore.read`. */
export async function readChunk(parts: ChunkParts, hash: string, options: ReadOptions = {}): Promise<Buffer> {
  let before: string | undefined
  for (;;) {
    const place = (await findPlaces(parts, [hash])).get(hash)
    if (!place) throw damaged(hash, options, 'it is not there')
    const bytes = await readRange(parts, place, options).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error
      // It may have been moved to another pack since its place was looked up.
      if (place.packId === before) throw damaged(hash, options, whyUnread(error))
      before = place.packId
    })
    if (bytes) return openPlaced(place, bytes, makePace(parts.clock), options)
  }
}

/** See `ChunkStore.readMany`. While one window is handed out, the next one is being read. */
export async function* readChunks(
  parts: ChunkParts,
  hashes: Iterable<string>,
  options: ReadOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  const windows = planWindows(parts, hashes, options)
  const next = async () => {
    const { value } = await windows.next()
    if (!value) return undefined
    const memory: Buffer[] = []
    return { ...value, memory, chunks: await readWindow(parts, value.places, options, memory) }
  }
  let coming = next()
  for (let window = await coming; window; window = await coming) {
    coming = next()
    // A failure is for the turn of that window; whoever stops before does not want to know.
    coming.catch(() => {})
    try {
      for (const hash of window.hashes) {
        const chunk = window.chunks.get(hash)
        if (!chunk) throw damaged(hash, options, 'it is not there')
        yield chunk
      }
    } finally {
      // Whoever stops at the last one is not heard of again.
      for (const lent of window.memory) readBuffers.give(lent)
    }
    if (window.sizeBytes > limits.readAheadBytes / 4) collectYoungGarbage()
  }
}

/** What `damaged_chunk` says of an error of the store. */
export function whyUnread({ code }: StoreError): string {
  return code === 'missing' ? 'the pack that holds it is not there' : 'the pack that holds it is cut off'
}

interface Window {
  /** In the order in which they are asked for, some perhaps twice. */
  hashes: string[]
  places: Map<string, Place>
  sizeBytes: number
}

/** Cuts what is asked for into pieces of half of what may be read ahead: one is handed out and one is read. */
async function* planWindows(
  parts: ChunkParts,
  hashes: Iterable<string>,
  options: ReadOptions,
): AsyncGenerator<Window, undefined, undefined> {
  for (const asked of inGroups(hashes, limits.chunkRows)) {
    options.signal?.throwIfAborted()
    const places = await findPlaces(parts, [...new Set(asked)])
    let window: Window = { hashes: [], places: new Map(), sizeBytes: 0 }
    for (const hash of asked) {
      const place = places.get(hash)
      if (!place) throw damaged(hash, options, 'it is not there')
      if (!window.places.has(hash)) {
        if (window.sizeBytes > 0 && window.sizeBytes + place.sizeBytes > limits.readAheadBytes / 2) {
          yield window
          window = { hashes: [], places: new Map(), sizeBytes: 0 }
        }
        window.places.set(hash, place)
        window.sizeBytes += place.sizeBytes
      }
      window.hashes.push(hash)
    }
    yield window
  }
  return undefined
}

function* inGroups<T>(values: Iterable<T>, most: number): Generator<T[]> {
  let group: T[] = []
  for (const value of values) {
    group.push(value)
    if (group.length < most) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

/** Chunks this close in a pack are read at once, with what lies between them. */
const gapBytes = 64 * 1024
/** Less than this is read into memory of its own. */
const leastLentBytes = 512 * 1024

async function readWindow(
  parts: ChunkParts,
  places: ReadonlyMap<string, Place>,
  options: ReadOptions,
  memory: Buffer[],
): Promise<Map<string, Buffer>> {
  const pace = makePace(parts.clock)
  const chunks = new Map<string, Buffer>()
  for (const neighbours of groupNeighbours([...places.values()])) {
    options.signal?.throwIfAborted()
    const bytes = await readNeighbours(parts, neighbours, options, memory)
    const start = neighbours[0]?.offsetBytes ?? 0
    for (const place of neighbours) {
      const from = place.offsetBytes - start
      const chunk = bytes
        ? await openPlaced(place, bytes.subarray(from, from + frameBytes(place)), pace, options)
        : await readChunk(parts, place.hash, options)
      chunks.set(place.hash, chunk)
      await pace.rest()
    }
  }
  return chunks
}

/** Undefined where the pack is not as it was: each chunk is then looked for on its own. */
async function readNeighbours(
  parts: ChunkParts,
  places: readonly Place[],
  { signal, lent }: ReadOptions,
  memory: Buffer[],
): Promise<Buffer | undefined> {
  const [first, last] = [places[0], places.at(-1)]
  if (!first || !last) return undefined
  const length = last.offsetBytes + frameBytes(last) - first.offsetBytes
  const into = lent && length >= leastLentBytes ? readBuffers.take(length) : undefined
  if (into) memory.push(into)
  try {
    return await parts.store.get(packKey(first.packId), { start: first.offsetBytes, length }, signal, into)
  } catch (error) {
    if (error instanceof StoreError) return undefined
    throw error
  }
}

function groupNeighbours(places: Place[]): Place[][] {
  places.sort((a, b) => (a.packId === b.packId ? a.offsetBytes - b.offsetBytes : a.packId < b.packId ? -1 : 1))
  const groups: Place[][] = []
  let last: Place | undefined
  for (const place of places) {
    const near = last?.packId === place.packId && place.offsetBytes - (last.offsetBytes + frameBytes(last)) <= gapBytes
    if (near) groups.at(-1)?.push(place)
    else groups.push([place])
    last = place
  }
  return groups
}

async function findPlaces({ db }: ChunkParts, hashes: readonly string[]): Promise<Map<string, Place>> {
  const places = new Map<string, Place>()
  for (const batch of inBatches(hashes, limits.chunkRows)) {
    const rows = await db
      .selectFrom('chunks')
      .select(['hash', 'packId', 'offsetBytes', 'storedBytes', 'sizeBytes', 'compressed'])
      .where('hash', 'in', batch)
      .execute()
    for (const row of rows) places.set(row.hash, row)
  }
  return places
}

function readRange({ store }: ChunkParts, place: Place, { signal }: ReadOptions): Promise<Buffer> {
  return store.get(packKey(place.packId), { start: place.offsetBytes, length: frameBytes(place) }, signal)
}

async function openPlaced(place: Place, frame: Buffer, pace: Pace, options: ReadOptions): Promise<Buffer> {
  const { hash, sizeBytes, storedBytes } = place
  try {
    const head = { hash, sizeBytes, storedBytes, compressed: place.compressed === 1 }
    return await openFrame(head, frame.subarray(frameHeadBytes), pace)
  } catch (error) {
    if (error instanceof FrameError) throw damaged(hash, options, error.message)
    throw error
  }
}

function damaged(hash: string, { of = 'a tree' }: ReadOptions, reason: string): AppError {
  return new AppError('damaged_chunk', { path: of, hash, reason })
}
