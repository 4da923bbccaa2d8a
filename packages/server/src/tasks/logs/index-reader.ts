import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { openPlainFile, readFully } from './raw-file.ts'
import { decodeRecord, header, type IndexRecord, lastSeqOf, recordBytes } from './record.ts'

/** Records read at a time. */
const batchRecords = 256

/**
 * The reading end of an index, in this process or another than the one that writes it. A record that is being
 * written, or was torn by a crash, is not there yet.
 */
export class IndexReader {
  readonly #handle: FileHandle

  private constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** Returns null when there is no such log. */
  static async open(path: string): Promise<IndexReader | null> {
    const handle = await openPlainFile(path, constants.O_RDONLY)
    return handle && new IndexReader(handle)
  }

  /** The records from position `from` on; a batch of them, none at the end. */
  async records(from: number): Promise<IndexRecord[]> {
    const buffer = Buffer.allocUnsafe(batchRecords * recordBytes)
    const read = await readFully(this.#handle, buffer, buffer.length, header.length + from * recordBytes)
    const records: IndexRecord[] = []
    for (let start = 0; start < read; start += recordBytes) {
      const record = decodeRecord(buffer.subarray(0, read), start)
      if (!record) break
      records.push(record)
    }
    return records
  }

  /** How many records there are. */
  async count(): Promise<number> {
    const { size } = await this.#handle.stat()
    let count = Math.max(0, Math.floor((size - header.length) / recordBytes))
    while (count > 0 && !(await this.at(count - 1))) count -= 1
    return count
  }

  async at(position: number): Promise<IndexRecord | null> {
    const buffer = Buffer.allocUnsafe(recordBytes)
    const read = await readFully(this.#handle, buffer, recordBytes, header.length + position * recordBytes)
    return read === recordBytes ? decodeRecord(buffer, 0) : null
  }

  /** The number of the last line; 0 when there is none. */
  async lastSeq(): Promise<number> {
    const count = await this.count()
    const last = count > 0 ? await this.at(count - 1) : null
    return last ? lastSeqOf(last) : 0
  }

  /** Position of the record that holds line `seq`, or the count of records when it is still to come. */
  async positionOfSeq(seq: number): Promise<number> {
    return await this.#first((record) => lastSeqOf(record) >= seq)
  }

  /** Position of the first record at or after a time in milliseconds, or the count of records. */
  async positionOfTime(ms: number): Promise<number> {
    return await this.#first((record) => record.at >= ms)
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  /** Position of the first record that holds; those after it hold too. */
  async #first(holds: (record: IndexRecord) => boolean): Promise<number> {
    let low = 0
    let high = await this.count()
    while (low < high) {
      const middle = (low + high) >>> 1
      const record = await this.at(middle)
      if (!record || holds(record)) high = middle
      else low = middle + 1
    }
    return low
  }
}
