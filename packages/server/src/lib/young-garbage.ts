import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Collects what was made lately and is no longer needed: about a millisecond. A stream over a socket leaves its bytes
 * behind in buffers outside the heap, with so little of the heap in use that V8 waits until it has to collect all
 * garbage of the process, which takes as long as the rest of a large upload. To be called after every few megabytes.
 */
export function collectYoungGarbage(): void {
  collect ??= findCollector()
  collect({ type: 'minor' })
}

let collect: ((options: { type: 'minor' }) => void) | undefined

/** V8 has it in contexts that are made while this flag is set. */
function findCollector(): NonNullable<typeof collect> {
  setFlagsFromString('--expose-gc')
  const found = runInNewContext('gc') as NonNullable<typeof collect>
  setFlagsFromString('--no-expose-gc')
  return found
}
