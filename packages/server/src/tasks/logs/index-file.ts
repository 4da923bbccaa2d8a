import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import type { Clock } from '../../lib/clock.ts'
import { openPlainFile, readFully } from './raw-file.ts'
import {
  type Draft,
  decodeRecord,
  encodeRecord,
  header,
  type IndexRecord,
  lastSeqOf,
  recordBytes,
  type Source,
} from './record.ts'

/** How far one raw file is numbered. */
interface Position {
  offset: number
  /** The first range of the file: tells later whether its beginning is still what it was. */
  first?: { length: number; check: number }
}

/** The writing end of an index. Only one process may have it open; readers are not disturbed by it. */
export class IndexFile {
  readonly #handle: FileHandle
  readonly #clock: Clock
  #size = header.length
  #nextSeq = 1
  #lastAt = 0
  #ended = false
  readonly #positions = new Map<string, Position>()
  #queue: Promise<void> = Promise.resolve()

  private constructor(handle: FileHandle, clock: Clock) {
    this.#handle = handle
    this.#clock = clock
  }

  /** Opens or makes the index at `path` and drops what a crash left unfinished at its end. */
  static async open(path: string, clock: Clock): Promise<IndexFile> {
    const handle = await openPlainFile(path, constants.O_RDWR | constants.O_CREAT)
    if (!handle) throw new Error(`the index of a log is not a plain file: ${path}`)
    const file = new IndexFile(handle, clock)
    try {
      await file.#load(path)
    } catch (error) {
      await handle.close()
      throw error
    }
    return file
  }

  /** Whether the last record says that nothing more is expected. */
  get ended(): boolean {
    return this.#ended
  }

  /** How far the raw file of a part is numbered. */
  position(part: number, source: Source): Position {
    return this.#positions.get(`${part}/${source}`) ?? { offset: 0 }
  }

  /**
   * Numbers, stamps and appends records, in the order of the calls. When it throws (a full disk), those that were
   * written count, as `position` tells, and the rest can be given again.
   */
  async append(drafts: Draft[]): Promise<void> {
    const turn = this.#queue.then(() => this.#append(drafts))
    this.#queue = turn.catch(() => undefined)
    await turn
  }

  /** Resolves when all records are on the disk itself. */
  async sync(): Promise<void> {
    await this.#handle.datasync()
  }

  async close(): Promise<void> {
    await this.#queue
    await this.#handle.close()
  }

  async #load(path: string): Promise<void> {
    const start = Buffer.alloc(header.length)
    const read = await readFully(this.#handle, start, start.length, 0)
    if (read === header.length && start.equals(header)) {
      await this.#scan()
      return
    }
    if (read === header.length && start.toString('latin1').startsWith('nabla log ')) {
      throw new Error(`the index of a log was written by a newer release: ${path}`)
    }
    await this.#handle.truncate(0)
    const { bytesWritten } = await this.#handle.write(header, 0, header.length, 0)
    if (bytesWritten < header.length) throw noSpace()
  }

  async #scan(): Promise<void> {
    const block = Buffer.allocUnsafe(1600 * recordBytes)
    for (;;) {
      const read = await readFully(this.#handle, block, block.length, this.#size)
      const records = block.subarray(0, read)
      let used = 0
      for (; used < read; used += recordBytes) {
        const record = decodeRecord(records, used)
        if (!record || record.seq !== this.#nextSeq) break
        this.#apply(record)
      }
      if (used < read) {
        await this.#handle.truncate(this.#size)
        return
      }
      if (read < block.length) return
    }
  }

  async #append(drafts: Draft[]): Promise<void> {
    const at = Math.max(this.#lastAt, this.#clock.now())
    const buffer = Buffer.allocUnsafe(drafts.length * recordBytes)
    const records: IndexRecord[] = []
    let seq = this.#nextSeq
    for (const draft of drafts) {
      const record = { ...draft, seq, at }
      encodeRecord(record, buffer, records.length * recordBytes)
      records.push(record)
      seq = lastSeqOf(record) + 1
    }
    for (let done = 0; done < records.length;) {
      const whole = await this.#write(buffer, done * recordBytes)
      for (const record of records.slice(done, done + whole)) this.#apply(record)
      done += whole
    }
  }

  /** Writes from `start` on, and returns how many whole records it wrote; throws when it could not write one. */
  async #write(buffer: Buffer, start: number): Promise<number> {
    try {
      const { bytesWritten } = await this.#handle.write(buffer, start, buffer.length - start, this.#size)
      const whole = Math.floor(bytesWritten / recordBytes)
      if (whole > 0) return whole
      throw noSpace()
    } catch (error) {
      await this.#handle.truncate(this.#size).catch(() => undefined)
      throw error
    }
  }

  #apply(record: IndexRecord): void {
    this.#size += recordBytes
    this.#nextSeq = lastSeqOf(record) + 1
    this.#lastAt = Math.max(this.#lastAt, record.at)
    this.#ended = record.kind === 'end'
    if (record.kind === 'end') return
    const known = this.position(record.part, record.source)
    const next: Position = { offset: record.offset + record.length }
    if (record.offset === 0 && record.length > 0) next.first = { length: record.length, check: record.contentCheck }
    else if (known.first && next.offset > 0) next.first = known.first
    this.#positions.set(`${record.part}/${record.source}`, next)
  }
}

/** A write that was cut short means what an error of the system would. */
function noSpace(): Error {
  return Object.assign(new Error('no space left for the index of a log'), { code: 'ENOSPC' })
}
