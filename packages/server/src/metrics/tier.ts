import { open, readFile, rename, rm, truncate } from 'node:fs/promises'
import { errorCode } from '../lib/file-error.ts'
import { type Block, encodeFrame, fileHeader, parseSegment } from './segment.ts'
import type { Batch } from './series.ts'

export interface TierRules {
  /** What one bucket covers; 0 keeps each measurement by itself. */
  widthMs: number
  /** A file that would grow beyond this becomes the older of two, and the one before that is deleted. */
  segmentBytes: number
}

/** The measurements of one subject in one fineness: two files, of which the newer grows. One writer, any readers. */
export class Tier {
  readonly widthMs: number
  readonly #path: string
  readonly #segmentBytes: number
  /** What the newer file holds; null when it has to be read first. */
  #state: { size: number; numbers: Map<string, number> } | null = null

  constructor(path: string, { widthMs, segmentBytes }: TierRules) {
    this.widthMs = widthMs
    this.#path = path
    this.#segmentBytes = segmentBytes
  }

  /** All that is kept, oldest first. What is torn at the end of a file is left out. */
  async read(): Promise<Block[]> {
    // The newer first: a file that is renamed meanwhile is then read twice and not missed.
    const newer = await readOrNothing(this.#path)
    const older = await readOrNothing(this.#older)
    const parsed = [older, ...(older.equals(newer) ? [] : [newer])].map((bytes) => parseSegment(bytes).blocks)
    return parsed.flat()
  }

  /** Writes a batch in one piece. When it throws (a full disk), nothing of it is kept. */
  async append(batch: Batch): Promise<void> {
    this.#state ??= await this.#recover()
    let frame = encodeFrame(batch, this.#state.numbers, this.widthMs === 0)
    if (this.#state.size > fileHeader.length && this.#state.size + frame.length > this.#segmentBytes) {
      await rename(this.#path, this.#older)
      this.#state = { size: 0, numbers: new Map() }
      frame = encodeFrame(batch, this.#state.numbers, this.widthMs === 0)
    }
    const { size, numbers } = this.#state
    const bytes = size === 0 ? Buffer.concat([fileHeader, frame]) : frame
    // Known again only when all of it is written.
    this.#state = null
    await appendWhole(this.#path, bytes, size)
    this.#state = { size: size + bytes.length, numbers }
  }

  get #older(): string {
    return `${this.#path}.old`
  }

  /** Drops what a crash or a full disk left unfinished at the end. */
  async #recover(): Promise<{ size: number; numbers: Map<string, number> }> {
    const bytes = await readOrNothing(this.#path)
    const { numbers, goodBytes } = parseSegment(bytes)
    // A whole header, but of another number; half of one is what a crash left.
    if (goodBytes === 0 && /^nabla metrics \d+\n/.test(bytes.toString('latin1', 0, 32))) {
      throw new Error(`these measurements were written by a newer release: ${this.#path}`)
    }
    if (bytes.length > goodBytes) await truncate(this.#path, goodBytes)
    return { size: goodBytes, numbers }
  }
}

async function appendWhole(path: string, bytes: Buffer, size: number): Promise<void> {
  const file = await open(path, 'a', 0o600)
  try {
    const { bytesWritten } = await file.write(bytes, 0, bytes.length)
    if (bytesWritten === bytes.length) return
    await file.truncate(size)
    throw Object.assign(new Error('no space left for measurements'), { code: 'ENOSPC' })
  } finally {
    await file.close()
  }
}

async function readOrNothing(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

/** Deletes all files of a subject. */
export async function removeTiers(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}
