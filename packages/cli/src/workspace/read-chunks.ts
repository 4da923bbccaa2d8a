import { hash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { chunkSizes } from '@nabla/api/chunker'
import type { FileChunk } from '@nabla/api/tree-format'
import { systemCode } from '../cli-error.ts'
import { limits } from '../limits.ts'
import { makeSlabMemory, type SlabMemory } from './slab-memory.ts'
import { sameStamp, type Stamp, stampOf } from './stamp.ts'
import { unreadable } from './unreadable.ts'

/** Contents of many small files, or part of a large one, in one piece of memory. */
export interface Slab {
  bytes: Buffer<SharedArrayBuffer>
  chunks: SlabChunk[]
  /** Gives the memory back when the contents are no longer needed. */
  free(): void
}

export interface SlabChunk {
  hash: string
  start: number
  sizeBytes: number
  path: string
}

/** What a file was when it was read. */
export interface ReadFile {
  stamp: Stamp
  executable: boolean
  chunks: FileChunk[]
  /** It changed while it was read, again and again: this is what was seen of it. */
  changed: boolean
}

/**
 * Reads files, cuts them into chunks and hashes these. Contents are handed over in slabs of one size, so that memory
 * stays the same whatever the files are.
 */
export class ChunkReader {
  readonly #root: string
  readonly #spare: SlabMemory[] = []
  #memory = makeSlabMemory(limits.slabBytes)
  #chunks: SlabChunk[] = []
  #used = 0

  constructor(root: string) {
    this.#root = root
  }

  /**
   * Reads a file from its beginning to the size that it has then, and once more if it changed meanwhile. Gives slabs
   * as they fill up; returns undefined when the file is gone. Throws CliError when it cannot be read.
   */
  *read(path: string): Generator<Slab, ReadFile | undefined> {
    let fd: number
    try {
      fd = openSync(`${this.#root}/${path}`, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(systemCode(error) ?? '')) return undefined
      throw unreadable(path, error)
    }
    try {
      if (this.#chunks.length >= limits.slabChunks) yield* this.rest()
      const first = yield* this.#readOnce(fd, path)
      return first?.changed ? yield* this.#readOnce(fd, path) : first
    } catch (error) {
      throw systemCode(error) ? unreadable(path, error) : error
    } finally {
      closeSync(fd)
    }
  }

  /** What has been read since the last slab. */
  *rest(): Generator<Slab, void> {
    if (this.#chunks.length > 0) yield this.#next(this.#used)
  }

  *#readOnce(fd: number, path: string): Generator<Slab, ReadFile | undefined> {
    const before = fstatSync(fd)
    if (!before.isFile()) return undefined
    const stamp = stampOf(before)
    const chunks: FileChunk[] = []
    let left = stamp.sizeBytes
    let start = this.#used
    let position = 0
    for (;;) {
      while (left > 0 && this.#used - start < chunkSizes.maxBytes) {
        if (this.#used === limits.slabBytes) {
          yield this.#next(start)
          start = 0
        }
        const read = readSync(
          fd,
          this.#memory.bytes,
          this.#used,
          Math.min(left, limits.slabBytes - this.#used),
          position,
        )
        // It was cut short meanwhile.
        if (read === 0) left = 0
        else left -= read
        position += read
        this.#used += read
      }
      if (start === this.#used) break
      const sizeBytes = this.#memory.cut(start, this.#used)
      const chunk = hash('sha256', this.#memory.bytes.subarray(start, start + sizeBytes), 'hex')
      this.#chunks.push({ hash: chunk, start, sizeBytes, path })
      chunks.push([chunk, sizeBytes])
      start += sizeBytes
    }
    const changed = !sameStamp(stamp, stampOf(fstatSync(fd)))
    return { stamp, executable: (before.mode & 0o100) !== 0, chunks, changed }
  }

  /** The present slab, and a new one in its place that begins with what had not been cut at `uncut`. */
  #next(uncut: number): Slab {
    const [memory, chunks] = [this.#memory, this.#chunks]
    this.#memory = this.#spare.pop() ?? makeSlabMemory(limits.slabBytes)
    this.#chunks = []
    memory.bytes.copy(this.#memory.bytes, 0, uncut, this.#used)
    this.#used -= uncut
    return { bytes: memory.bytes, chunks, free: () => void this.#spare.push(memory) }
  }
}

/** Reads one chunk again. Undefined: it is no longer what it was. */
export function readChunk(
  root: string,
  path: string,
  offset: number,
  [chunk, sizeBytes]: FileChunk,
): Buffer | undefined {
  let fd: number | undefined
  try {
    fd = openSync(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const bytes = Buffer.allocUnsafe(sizeBytes)
    let done = 0
    while (done < sizeBytes) {
      const read = readSync(fd, bytes, done, sizeBytes - done, offset + done)
      if (read === 0) return undefined
      done += read
    }
    return hash('sha256', bytes, 'hex') === chunk ? bytes : undefined
  } catch (error) {
    if (['EACCES', 'EPERM', 'EIO'].includes(systemCode(error) ?? '')) throw unreadable(path, error)
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
