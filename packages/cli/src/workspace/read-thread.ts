import { parentPort, workerData } from 'node:worker_threads'
import { CliError } from '../cli-error.ts'
import { limits } from '../limits.ts'
import type { Slab } from './read-chunks.ts'
import { readInBatches, type ReadMessage, type ReadTask } from './read-files.ts'

/** Run as a thread: reads files into slabs, a few ahead of who takes them, and says what it read. */

const taken = new Map<number, Slab>()
let go = () => {}

parentPort?.on('message', (number: number) => {
  taken.get(number)?.free()
  taken.delete(number)
  go()
})

const say = (message: ReadMessage) => parentPort?.postMessage(message, [])

try {
  const { root, paths } = workerData as ReadTask
  let number = 0
  for (const { slab, files } of readInBatches(root, paths)) {
    if (!slab) {
      say({ slab, files })
      continue
    }
    taken.set(++number, slab)
    say({ slab: { number, memory: slab.bytes.buffer, chunks: slab.chunks }, files })
    while (taken.size >= limits.slabsAhead) await new Promise<void>((resolve) => (go = resolve))
  }
  say('done')
} catch (error) {
  if (!(error instanceof CliError)) throw error
  const { message, hint, reason } = error
  say({ failed: { message, hint, reason } })
}
