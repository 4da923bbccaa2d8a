import { setImmediate as breathe } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { CliError } from '../cli-error.ts'
import type { ExitReason } from '../exit-codes.ts'
import { limits } from '../limits.ts'
import { ChunkReader, type ReadFile, type Slab, type SlabChunk } from './read-chunks.ts'
import { slabBytes } from './slab-memory.ts'

/** What has been read: contents, and the files that are complete with them, by their places in the list of paths. */
export interface ReadBatch {
  slab: Slab | undefined
  files: [index: number, file: ReadFile | undefined][]
}

/**
 * Reads files below `root`, in order; a file that is gone is undefined. Much is read by a thread beside this one, so
 * that contents are cut and hashed while others are sent. Whoever takes a slab frees it: without that, reading stops.
 * Throws CliError for what cannot be read.
 */
export function readFiles(root: string, paths: readonly string[], sizeBytes: number): AsyncGenerator<ReadBatch> {
  return sizeBytes < limits.readAsideBytes ? readHere(root, paths) : readAside(root, paths)
}

/** The same, one batch for each slab, by calls that block. */
export function* readInBatches(root: string, paths: readonly string[]): Generator<ReadBatch, void> {
  const reader = new ChunkReader(root)
  let files: ReadBatch['files'] = []
  for (const [index, path] of paths.entries()) {
    const slabs = reader.read(path)
    let step = slabs.next()
    for (; !step.done; step = slabs.next()) {
      yield { slab: step.value, files }
      files = []
    }
    files.push([index, step.value])
  }
  for (const slab of reader.rest()) {
    yield { slab, files }
    files = []
  }
  if (files.length > 0) yield { slab: undefined, files }
}

/** What the thread is started with. */
export interface ReadTask {
  root: string
  paths: readonly string[]
}

/** What the thread says; it is told the numbers of slabs that are free again. */
export type ReadMessage =
  | { slab: { number: number; memory: SharedArrayBuffer; chunks: SlabChunk[] } | undefined; files: ReadBatch['files'] }
  | { failed: { message: string; hint: string; reason: ExitReason } }
  | 'done'

async function* readHere(root: string, paths: readonly string[]): AsyncGenerator<ReadBatch, void> {
  for (const batch of readInBatches(root, paths)) {
    yield batch
    // What is being sent gets its turn here.
    await breathe()
  }
}

async function* readAside(root: string, paths: readonly string[]): AsyncGenerator<ReadBatch, void> {
  const task: ReadTask = { root, paths }
  const thread = new Worker(new URL('./read-thread.ts', import.meta.url), {
    workerData: task,
    // It would keep up to 48 MB of garbage.
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  })
  const messages: ReadMessage[] = []
  let failure: { error: unknown } | undefined
  let wake = () => {}
  const fail = (error: unknown) => {
    failure ??= { error }
    wake()
  }
  thread.on('message', (message: ReadMessage) => {
    messages.push(message)
    wake()
  })
  thread.on('error', fail)
  thread.on('exit', () => fail(new Error('the thread that reads files ended')))
  try {
    for (;;) {
      const message = messages.shift()
      if (message === 'done') return
      if (!message) {
        if (failure) throw failure.error
        await new Promise<void>((resolve) => (wake = resolve))
        continue
      }
      if ('failed' in message) throw new CliError(message.failed.message, message.failed.hint, message.failed.reason)
      const { slab, files } = message
      yield { slab: slab && slabOf(thread, slab), files }
    }
  } finally {
    await thread.terminate()
  }
}

function slabOf(
  thread: Worker,
  { number, memory, chunks }: { number: number; memory: SharedArrayBuffer; chunks: SlabChunk[] },
): Slab {
  return { bytes: slabBytes(memory), chunks, free: () => thread.postMessage(number, []) }
}
