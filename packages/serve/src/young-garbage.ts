import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { limits } from './limits.ts'

let passed = 0
let collect: ((options: { type: 'minor' }) => void) | undefined

/**
 * To be told of bytes that came in by a stream. They lie in buffers outside the heap, with so little of the heap in use that
 * V8 waits until it has to collect all garbage of the process, which takes tens of milliseconds, several times a second.
 * What was made lately is collected in one.
 */
export function passBytes(bytes: number): void {
  passed += bytes
  if (passed < limits.garbageBytes) return
  passed = 0
  collect ??= findCollector()
  collect({ type: 'minor' })
}

/** V8 has it in contexts that are made while this flag is set. */
function findCollector(): NonNullable<typeof collect> {
  setFlagsFromString('--expose-gc')
  const found = runInNewContext('gc') as NonNullable<typeof collect>
  setFlagsFromString('--no-expose-gc')
  return found
}
