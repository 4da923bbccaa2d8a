import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { limits } from './limits.ts'

/**
 * Collects what was made lately and is no longer needed: about a millisecond. A stream over a socket leaves its bytes
 * behind in buffers outside the heap, with so little of the heap in use that V8 waits until it has to collect all
 * garbage of the process, which takes as long as the rest of a large upload. To be called after every few megabytes.
 */
export function collectYoungGarbage(): void {
  collect ??= findCollector()
  collect({ type: 'minor' })
  const held = heldBytes()
  leastBytes = Math.min(leastBytes, held)
  if (held < leastBytes + limits.garbageBytes) return
  // Some 50 ms, once in a second or so of such work: V8 alone would let garbage grow to twice what is needed.
  collect({ type: 'major' })
  leastBytes = heldBytes()
}

function heldBytes(): number {
  const { used_heap_size: heap, external_memory: outside } = getHeapStatistics()
  return heap + outside
}

/** The least that was held lately: garbage is what is beyond. */
let leastBytes = Number.POSITIVE_INFINITY

let collect: ((options: { type: 'minor' | 'major' }) => void) | undefined

/**
 * V8 has it in contexts that are made while its flag is set. By itself, V8 marks the whole heap anew while less room is
 * left below its limit than young garbage may take, and on a small heap there never is more: a third of the processor
 * time of the server while 4 GB came in. With these triggers it waits until most of that room is taken.
 */
function findCollector(): NonNullable<typeof collect> {
  setFlagsFromString('--incremental-marking-soft-trigger=30')
  setFlagsFromString('--incremental-marking-hard-trigger=10')
  setFlagsFromString('--expose-gc')
  const found = runInNewContext('gc') as NonNullable<typeof collect>
  setFlagsFromString('--no-expose-gc')
  return found
}
