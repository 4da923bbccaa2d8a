import { createHash } from 'node:crypto'
import { AppError } from '../lib/app-error.ts'
import { isMissingObject, type ObjectStore } from '../stores/store.ts'
import { blobBytes, blobKey, type Part, type StreamParts } from './format.ts'

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Blobs of a place for backups. */
export class Blobs {
  readonly #store: ObjectStore
  readonly #known = new Set<string>()
  readonly #signal: AbortSignal
  newBytes = 0

  constructor(store: ObjectStore, signal: AbortSignal) {
    this.#store = store
    this.#signal = signal
  }

  /** Finds out which blobs are there already: the others are written anew. */
  async look(): Promise<void> {
    for await (const { key } of this.#store.list('blobs/', this.#signal)) this.#known.add(key.slice('blobs/'.length))
  }

  has(hash: string): boolean {
    return this.#known.has(hash)
  }

  /** Stores bytes, if they are not there, and answers with their hash. */
  async put(bytes: Uint8Array): Promise<string> {
    const hash = sha256(bytes)
    if (this.#known.has(hash)) return hash
    await this.#store.put(blobKey(hash), bytes, this.#signal)
    this.#known.add(hash)
    this.newBytes += bytes.length
    return hash
  }
}

/** Cuts a stream of lines into blobs. */
export class LineWriter {
  readonly #blobs: Blobs
  readonly #parts: Part[] = []
  #waiting: string[] = []
  #waitingBytes = 0
  #lines = 0

  constructor(blobs: Blobs) {
    this.#blobs = blobs
  }

  async add(value: unknown): Promise<void> {
    const line = `${JSON.stringify(value)}\n`
    this.#waiting.push(line)
    this.#waitingBytes += line.length
    this.#lines++
    if (this.#waitingBytes >= blobBytes / 2) await this.#flush()
  }

  async finish(): Promise<StreamParts> {
    await this.#flush()
    return { lines: this.#lines, parts: this.#parts }
  }

  async #flush(): Promise<void> {
    if (this.#waiting.length === 0) return
    const bytes = Buffer.from(this.#waiting.join(''))
    this.#waiting = []
    this.#waitingBytes = 0
    this.#parts.push([await this.#blobs.put(bytes), 0, bytes.length])
  }
}

/** Reads blobs and compares their hashes. The last one is kept: small files beside each other share it. */
export class BlobReader {
  readonly #store: ObjectStore
  readonly #signal: AbortSignal
  #last: { hash: string; bytes: Buffer } | undefined

  constructor(store: ObjectStore, signal: AbortSignal) {
    this.#store = store
    this.#signal = signal
  }

  /** Throws AppError `backup_damaged` naming the object. */
  async read([hash, start, length]: Part): Promise<Buffer> {
    if (this.#last?.hash !== hash) {
      this.#last = { hash, bytes: await readVerified(this.#store, blobKey(hash), hash, this.#signal) }
    }
    const { bytes } = this.#last
    if (start + length > bytes.length)
      throw new AppError('backup_damaged', { key: blobKey(hash), reason: 'it is short' })
    return bytes.subarray(start, start + length)
  }

  /** The values of a stream of lines. */
  async *lines(parts: readonly Part[]): AsyncGenerator {
    for (const one of parts) {
      const text = (await this.read(one)).toString()
      for (const line of text.split('\n')) if (line !== '') yield JSON.parse(line)
    }
  }
}

/** Reads an object whose hash is known. Throws AppError `backup_damaged`. */
export async function readVerified(
  store: ObjectStore,
  key: string,
  hash: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const bytes = await store.get(key, undefined, signal).catch((error: unknown) => {
    if (isMissingObject(error)) throw new AppError('backup_damaged', { key, reason: 'it is missing' })
    throw error
  })
  if (sha256(bytes) !== hash) throw new AppError('backup_damaged', { key, reason: 'its content has changed' })
  return bytes
}
