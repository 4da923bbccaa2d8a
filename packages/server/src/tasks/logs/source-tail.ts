import { type Stats, constants, fstatSync, lstatSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { IndexFile } from './index-file.ts'
import { partialPiece, type Piece, splitLines, type SplitRules, utf8Boundary } from './line-split.ts'
import { openPlainFile, readFully } from './raw-file.ts'
import type { Draft, Source } from './record.ts'

export interface SourceRules extends SplitRules {
  partialIdleMs: number
  partialAgeMs: number
}

/** Something lends a buffer to a function. */
export type Lend = <T>(use: (buffer: Buffer) => Promise<T>) => Promise<T>

/** What a look at the file found. */
export interface Look {
  size: number
  changedAt: number
}

/** One raw file of a part, from where its index leaves off. */
export class SourceTail {
  readonly #path: string
  readonly #part: number
  readonly #source: Source
  readonly #index: IndexFile
  readonly #lend: Lend
  readonly #rules: SourceRules
  #handle: FileHandle | null = null
  /** Bytes at the end of the file that make no line yet. */
  #pending: { size: number; since: number; grewAt: number } | null = null

  constructor(path: string, part: number, source: Source, index: IndexFile, lend: Lend, rules: SourceRules) {
    this.#path = path
    this.#part = part
    this.#source = source
    this.#index = index
    this.#lend = lend
    this.#rules = rules
  }

  /** How far the file is numbered. */
  get offset(): number {
    return this.#index.position(this.#part, this.#source).offset
  }

  /** When a line that does not end is due, in milliseconds since the epoch; null when there is none. */
  get dueAt(): number | null {
    if (!this.#pending) return null
    const { since, grewAt } = this.#pending
    return Math.min(grewAt + this.#rules.partialIdleMs, since + this.#rules.partialAgeMs)
  }

  /**
   * What there is to read now; null when there is no such file. Deals with a file that the task shortened.
   *
   * The calls to the file system in here are synchronous: a stat of an open file takes a microsecond, a trip to
   * another thread fifty.
   */
  async look(): Promise<Look | null> {
    if (!this.#handle) {
      if (!lstatSync(this.#path, { throwIfNoEntry: false })?.isFile()) return null
      this.#handle = await openPlainFile(this.#path, constants.O_RDONLY)
      if (!this.#handle) return null
    }
    const stat = await this.#replaced(this.#handle, fstatSync(this.#handle.fd))
    if (stat.size < this.offset) await this.#shortened(this.#handle, stat.size)
    return { size: stat.size, changedAt: stat.mtimeMs }
  }

  /**
   * Numbers the next block.
   *
   * @param size as `look` found it; bytes after it are left for the next time
   * @param flush whether bytes before `size` that make no line are to be delivered too
   * @returns whether there is more to read before `size`
   */
  async step(size: number, now: number, flush: boolean): Promise<boolean> {
    const handle = this.#handle
    const offset = this.offset
    // The clock was set back: wait anew.
    if (this.#pending && now < this.#pending.since) this.#pending = { ...this.#pending, since: now, grewAt: now }
    const due = flush || now >= (this.dueAt ?? Number.POSITIVE_INFINITY)
    if (size <= offset) this.#pending = null
    if (!handle || size <= offset || (this.#pending?.size === size && !due)) return false
    const pieces = await this.#lend(async (buffer) => {
      const length = await readFully(handle, buffer, Math.min(buffer.length, size - offset), offset)
      const found = splitLines(buffer, length, this.#rules)
      const last = found.at(-1)
      const used = last ? last.start + last.length : 0
      if (offset + length < size) {
        // The line that waited has been read on: only the end of the file can wait, and this is not it.
        this.#pending = null
        return found
      }
      const rest = flush ? length : this.#restToDeliver(buffer, used, length, due, size, now)
      return rest > used ? [...found, partialPiece(buffer, used, rest)] : found
    })
    if (pieces.length === 0) return false
    try {
      await this.#index.append(pieces.map((piece) => this.#draft(piece, offset)))
    } catch (error) {
      this.#pending = null
      throw error
    }
    return this.offset < size && this.#pending === null
  }

  /** Puts the bytes that are numbered on the disk itself. */
  async sync(): Promise<void> {
    await this.#handle?.datasync()
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    this.#pending = null
    await handle?.close()
  }

  /** Where to end the line that the last bytes of the file belong to: at `used` when it is to wait for more. */
  #restToDeliver(buffer: Buffer, used: number, length: number, due: boolean, size: number, now: number): number {
    const before = used === 0 ? this.#pending : null
    this.#pending = null
    if (used === length) return used
    const { partialAgeMs } = this.#rules
    if (before && due) {
      const stop = utf8Boundary(buffer, used, length)
      if (stop > used) return stop
      if (now >= before.since + partialAgeMs) return length
    }
    // Less than a character cannot be shown: it waits as long as may be.
    const grewAt = before && due ? before.since + partialAgeMs : now
    this.#pending = { size, since: before?.since ?? now, grewAt }
    return used
  }

  #draft(piece: Piece, offset: number): Draft {
    return {
      kind: piece.partial ? 'partial' : 'text',
      part: this.#part,
      source: this.#source,
      lines: piece.lines,
      offset: offset + piece.start,
      length: piece.length,
      contentCheck: piece.contentCheck,
    }
  }

  /** When the file was removed and all of it is read, goes on with the one that took its place. */
  async #replaced(handle: FileHandle, stat: Stats): Promise<Stats> {
    if (stat.nlink > 0 || this.offset < stat.size) return stat
    const other = await openPlainFile(this.#path, constants.O_RDONLY)
    if (!other) return stat
    await handle.close()
    this.#handle = other
    this.#pending = null
    await this.#index.append([this.#lost(0)])
    return fstatSync(other.fd)
  }

  /**
   * The file is shorter than it was. Where its beginning is still the same, reading goes on from the new end; else
   * the file was emptied and written anew (`echo x > /dev/stdout` does that), so reading goes on from its beginning.
   */
  async #shortened(handle: FileHandle, size: number): Promise<void> {
    this.#pending = null
    const { first } = this.#index.position(this.#part, this.#source)
    let same = false
    if (first && first.length <= size) {
      same = await this.#lend(async (buffer) => {
        const length = await readFully(handle, buffer, Math.min(buffer.length, first.length), 0)
        return crc32(buffer.subarray(0, length)) === first.check
      })
    }
    await this.#index.append([this.#lost(same ? size : 0)])
  }

  #lost(offset: number): Draft {
    return { kind: 'lost', part: this.#part, source: this.#source, lines: 1, offset, length: 0, contentCheck: 0 }
  }
}
