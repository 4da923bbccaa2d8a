import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { passBytes } from './young-garbage.ts'

test('bytes that pass by do not make all garbage be collected', async () => {
  let whole = 0
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & { detail?: { kind: number } })[]) {
      if (entry.detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR) whole += 1
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  const chunkBytes = 2 ** 17
  let most = 0
  for (let bytes = 0; bytes < 2 ** 29; bytes += chunkBytes) {
    Buffer.allocUnsafeSlow(chunkBytes).fill(1)
    passBytes(chunkBytes)
    most = Math.max(most, process.memoryUsage().arrayBuffers)
    if (bytes % 2 ** 22 === 0) await turn()
  }
  // What was observed is told a turn later.
  await turn()
  await turn()
  observer.disconnect()
  // Half a gigabyte would be eight of them.
  expect(whole).toBeLessThan(4)
  expect(most).toBeLessThan(100 * 2 ** 20)
})
