import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { TreeEntry } from '@nabla/api/tree-format'
import { limits } from '../lib/limits.ts'
import { parseRelativePath } from '../lib/safe-path.ts'
import type { Piece } from './contents.ts'
import { closeEnd, type OpenEnd, type WriteAnswer, type WriteStep, writeSteps, type WriteBatch } from './write-steps.ts'

/** What was written. */
export interface Written {
  entries: number
  /** About what it takes on the disk. */
  diskBytes: number
}

/** What an entry takes on the disk beside its bytes: a file fills its last block by half, a folder takes a whole one. */
export const entryBytes = 4096

/**
 * Writes a tree into the empty folder `root`, in which nobody else writes: folders and files as they come, links last.
 * Files get mode 644, or 755 if executable. Nothing is forced to the disk.
 *
 * @param isLarge writes in a thread of its own, beside what reads the chunks
 */
export async function writeTree(root: string, pieces: AsyncIterable<Piece>, isLarge: boolean): Promise<Written> {
  const target = isLarge ? inThread(root) : inHere(root)
  const written: Written = { entries: 0, diskBytes: 0 }
  const links: WriteStep[] = []
  const batch = new Batch(target)
  try {
    for await (const piece of pieces) {
      const { entry } = piece
      if ('bytes' in piece) {
        written.diskBytes += piece.bytes.length
        await batch.addBytes(piece.bytes)
        continue
      }
      written.entries++
      written.diskBytes += entryBytes
      parseRelativePath(entry.path)
      if (entry.type === 'link') links.push(['link', entry.path, entry.target])
      else await batch.begin(entry)
    }
    await batch.finish(links)
    return written
  } finally {
    await target.close()
  }
}

/** Batches that wait for the thread: while one is written, the next is filled. */
const batchesAhead = 2

interface Target {
  /** Memory for the bytes of the next batch: that of one which has been written, or new. */
  memory(): Uint8Array
  /** Resolves when more may come; the memory is the target's then. Rejects with the error of an earlier batch, too. */
  write(batch: WriteBatch): Promise<void>
  /** Resolves when all is written. */
  finish(): Promise<void>
  close(): Promise<void>
}

/** Collects steps and the bytes for them. */
class Batch {
  readonly #target: Target
  #steps: WriteStep[] = []
  #bytes: Uint8Array
  #used = 0
  /** The file whose bytes are coming: its path, whether it is executable, and how many bytes are to come. */
  #file: { path: string; executable: boolean; left: number } | undefined

  constructor(target: Target) {
    this.#target = target
    this.#bytes = target.memory()
  }

  async begin(entry: Exclude<TreeEntry, { type: 'link' }>): Promise<void> {
    if (this.#steps.length >= limits.writeBatchSteps) await this.#flush()
    if (entry.type === 'folder') {
      this.#steps.push(['folder', entry.path])
      return
    }
    const { path, executable, chunks } = entry
    this.#file = { path, executable, left: chunks.reduce((sum, [, sizeBytes]) => sum + sizeBytes, 0) }
    if (this.#file.left === 0) this.#steps.push(['file', path, executable, 0, 0, false])
  }

  async addBytes(bytes: Uint8Array): Promise<void> {
    const file = this.#file
    if (!file) throw new Error('bytes of no file')
    for (let done = 0; done < bytes.length;) {
      if (this.#used === this.#bytes.length) await this.#flush()
      const length = Math.min(bytes.length - done, this.#bytes.length - this.#used)
      this.#bytes.set(bytes.subarray(done, done + length), this.#used)
      file.left -= length
      this.#steps.push(['file', file.path, file.executable, this.#used, length, file.left > 0])
      this.#used += length
      done += length
    }
  }

  async finish(links: readonly WriteStep[]): Promise<void> {
    await this.#flush()
    for (let from = 0; from < links.length; from += limits.writeBatchSteps) {
      this.#steps.push(...links.slice(from, from + limits.writeBatchSteps))
      await this.#flush()
    }
    await this.#target.finish()
  }

  async #flush(): Promise<void> {
    const bytes = this.#bytes.subarray(0, this.#used)
    const steps = this.#steps
    if (steps.length === 0) return
    this.#steps = []
    this.#used = 0
    await this.#target.write({ steps, bytes })
    this.#bytes = this.#target.memory()
  }
}

/** Writes at once, with a turn for others after each batch. */
function inHere(root: string): Target {
  const end: OpenEnd = { file: undefined }
  const memory = new Uint8Array(limits.writeBatchBytes)
  return {
    memory: () => memory,
    async write(batch) {
      writeSteps(root, batch, end)
      await new Promise((resolve) => setImmediate(resolve))
    },
    finish: async () => {},
    close: async () => closeEnd(end),
  }
}

function inThread(root: string): Target {
  const thread = new Worker(new URL('./write-thread.ts', import.meta.url), {
    workerData: { root },
    // It makes little garbage, and would keep up to 48 MB of it.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  })
  let failure: Error | undefined
  let waiting = 0
  thread.on('error', (error) => (failure ??= error instanceof Error ? error : new Error(String(error))))
  const spare: Uint8Array[] = []
  thread.on('message', ({ failed, memory }: WriteAnswer) => {
    waiting--
    spare.push(new Uint8Array(memory))
    if (failed) failure ??= Object.assign(new Error(failed.message), { code: failed.code })
  })
  const until = async (most: number) => {
    while (!failure && waiting > most) await once(thread, 'message')
    if (failure) throw failure
  }
  return {
    memory: () => spare.pop() ?? new Uint8Array(limits.writeBatchBytes),
    async write({ steps, bytes }) {
      await until(batchesAhead - 1)
      waiting++
      thread.postMessage({ steps, bytes }, [bytes.buffer as ArrayBuffer])
    },
    finish: () => until(0),
    close: async () => void (await thread.terminate()),
  }
}
