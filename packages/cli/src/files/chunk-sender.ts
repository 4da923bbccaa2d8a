import { promisify } from 'node:util'
import { constants, zstdCompress, zstdCompressSync } from 'node:zlib'
import { frameHeadBytes, writeFrameHead } from '@nabla/api/chunk-frame'
import { treeRequestLimits } from '@nabla/api/tree-limits'
import { limits } from '../limits.ts'
import type { Slab } from '../workspace/read-chunks.ts'

/** The calls that chunks are sent with. Each may be repeated. */
export interface ChunkCalls {
  lacking(hashes: readonly string[]): Promise<readonly string[]>
  send(parcel: Uint8Array<ArrayBuffer>): Promise<unknown>
}

interface Chunk {
  hash: string
  bytes: Uint8Array
  /** The file that it is of; undefined: it is part of a tree itself. */
  path: string | undefined
}

/**
 * Sends chunks that the server lacks, in parcels, several at a time. Memory is bounded by the slabs that are being
 * asked about and the parcels under way; whoever has more to send waits.
 */
export class ChunkSender {
  /** Contents of files that were sent, before compression; and what travelled in all. */
  contentBytes = 0
  travelledBytes = 0
  readonly files = new Set<string>()
  readonly #calls: ChunkCalls
  readonly #compress: boolean
  readonly #onDone: (bytes: number) => void
  readonly #seen = new Set<string>()
  #presumed: ReadonlySet<string> = new Set()
  readonly #asking = new Set<Promise<void>>()
  readonly #sending = new Set<Promise<void>>()
  readonly #spare: Uint8Array<ArrayBuffer>[] = []
  #parcel = new Parcel(treeRequestLimits.usualParcelBytes, [])
  #failure: { error: unknown } | undefined

  /** `onDone` is told how many bytes of contents are on the server now, as it turns out. */
  constructor(calls: ChunkCalls, compress: boolean, onDone: (bytes: number) => void) {
    this.#calls = calls
    this.#compress = compress
    this.#onDone = onDone
  }

  /** Does not ask about these when they are offered; whoever knows the whole tree then asks about them all at once. */
  presume(hashes: ReadonlySet<string>): void {
    this.#presumed = hashes
  }

  /** Whether this chunk was offered and asked about, or sent, already. */
  has(hash: string): boolean {
    return this.#seen.has(hash)
  }

  /** Asks about all chunks anew: some that were there may be gone. */
  forget(): void {
    this.#seen.clear()
    this.#presumed = new Set()
  }

  /** Sends what the server lacks of a slab. Resolves when there is room for the next one. */
  async offer(slab: Slab): Promise<void> {
    await this.#room(this.#asking, limits.slabs)
    this.#track(this.#asking, this.#sendLacking(slab))
  }

  /** Sends a chunk that the server lacks. Resolves when there is room for the next one. */
  async send(chunk: Chunk): Promise<void> {
    if (this.#seen.has(chunk.hash)) return
    this.#seen.add(chunk.hash)
    await this.#pack(chunk)
    this.#check()
  }

  /** Whether all that was offered was there already, once that is known. */
  async hadAll(): Promise<boolean> {
    await this.#room(this.#asking, 1)
    return this.contentBytes === 0
  }

  /** Resolves when all that was offered is on the server. */
  async flush(): Promise<void> {
    await this.#room(this.#asking, 1)
    await this.#dispatch()
    await this.#room(this.#sending, 1)
  }

  async #sendLacking({ bytes, chunks, free }: Slab): Promise<void> {
    const isFresh = (hash: string) => !this.#presumed.has(hash) && !this.#seen.has(hash)
    const fresh = chunks.filter(({ hash }) => isFresh(hash) && this.#seen.add(hash))
    if (fresh.length > 0) {
      const lacking = new Set(await this.#calls.lacking([...new Set(fresh.map(({ hash }) => hash))]))
      for (const { hash, start, sizeBytes, path } of fresh) {
        if (!lacking.delete(hash)) continue
        const chunk = { hash, bytes: bytes.subarray(start, start + sizeBytes), path }
        // A promise for each of many small files takes as long as to copy one.
        if (!this.#compress && this.#packAsIs(chunk)) continue
        await this.#pack(chunk)
        this.#check()
      }
    }
    free()
    this.#onDone(chunks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
  }

  async #pack(chunk: Chunk): Promise<void> {
    const { hash, bytes } = chunk
    const stored = this.#compress ? await compress(bytes) : bytes
    const head = { hash, sizeBytes: bytes.byteLength, storedBytes: stored.byteLength, compressed: stored !== bytes }
    while (!this.#parcel.add(head, stored)) await this.#dispatch(stored.byteLength + frameHeadBytes)
    this.#count(chunk)
  }

  /** False: there is no room for it. */
  #packAsIs(chunk: Chunk): boolean {
    const { hash, bytes } = chunk
    const length = bytes.byteLength
    const isIn = this.#parcel.add({ hash, sizeBytes: length, storedBytes: length, compressed: false }, bytes)
    if (isIn) this.#count(chunk)
    return isIn
  }

  #count({ bytes, path }: Chunk): void {
    if (path === undefined) return
    this.contentBytes += bytes.byteLength
    this.files.add(path)
  }

  /** Sends the present parcel, unless somebody else does; the next one has room for at least `bytes`. */
  async #dispatch(bytes = 0): Promise<void> {
    const parcel = this.#parcel
    await this.#room(this.#sending, limits.parcels)
    if (this.#parcel !== parcel) return
    this.#parcel = new Parcel(Math.max(treeRequestLimits.usualParcelBytes, bytes), this.#spare)
    if (parcel.used === 0) return
    this.travelledBytes += parcel.used
    this.#track(
      this.#sending,
      this.#calls.send(parcel.filled()).then(() => parcel.free()),
    )
  }

  #track(tasks: Set<Promise<void>>, work: Promise<void>): void {
    const task = work.catch((error: unknown) => void (this.#failure ??= { error })).finally(() => tasks.delete(task))
    tasks.add(task)
  }

  /** Waits until fewer than `count` are under way. Throws what one of them failed with. */
  async #room(tasks: ReadonlySet<Promise<void>>, count: number): Promise<void> {
    while (tasks.size >= count) await Promise.race(tasks)
    this.#check()
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error
  }
}

/** Frames in one piece of memory, made when the first one comes. */
class Parcel {
  used = 0
  readonly #size: number
  readonly #spare: Uint8Array<ArrayBuffer>[]
  #bytes: Uint8Array<ArrayBuffer> | undefined

  /** `spare`: memory of parcels before, of the usual size. */
  constructor(size: number, spare: Uint8Array<ArrayBuffer>[]) {
    this.#size = size
    this.#spare = spare
  }

  /** False: there is no room for it. */
  add(head: Parameters<typeof writeFrameHead>[2], stored: Uint8Array): boolean {
    if (this.used + frameHeadBytes + stored.byteLength > this.#size) return false
    const isUsual = this.#size === treeRequestLimits.usualParcelBytes
    this.#bytes ??= (isUsual ? this.#spare.pop() : undefined) ?? new Uint8Array(this.#size)
    writeFrameHead(this.#bytes, this.used, head)
    // `set` copies shared memory byte by byte.
    Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).copy(this.#bytes, this.used + frameHeadBytes)
    this.used += frameHeadBytes + stored.byteLength
    return true
  }

  filled(): Uint8Array<ArrayBuffer> {
    return (this.#bytes ?? new Uint8Array(0)).subarray(0, this.used)
  }

  free(): void {
    if (this.#bytes?.byteLength === treeRequestLimits.usualParcelBytes) this.#spare.push(this.#bytes)
  }
}

const options = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
const compressAside = promisify(zstdCompress)

/** The bytes compressed, or the same bytes where that is not worth it. */
async function compress(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.byteLength < limits.compressFromBytes) return bytes
  const trial = zstdCompressSync(bytes.subarray(0, limits.compressTrialBytes), options)
  const tried = Math.min(bytes.byteLength, limits.compressTrialBytes)
  if (trial.byteLength > tried * limits.compressWorthwhile) return bytes
  if (tried === bytes.byteLength) return trial
  return compressAside(bytes, options)
}
