import { valueOf } from '@nabla/api/run'
import type { StreamItem } from '../kind.ts'
import type { TrackingStore } from '../../tracking/tracking-store.ts'

/** Values of these runs as they are logged. A reader that falls far behind is told nothing of what it missed. */
export async function* followRuns(
  tracking: TrackingStore,
  wanted: { runIds: ReadonlySet<string>; metrics: ReadonlySet<string> | null },
  signal: AbortSignal,
): AsyncGenerator<StreamItem> {
  const waiting: StreamItem[] = []
  let wake = () => {}
  let serial = 0
  const stop = tracking.listen(({ runId, points }) => {
    if (!wanted.runIds.has(runId)) return
    const chosen = wanted.metrics ? points.filter(({ name }) => wanted.metrics?.has(name)) : points
    if (chosen.length === 0) return
    serial += 1
    const values = chosen.map(({ name, step, at, value }) => [name, step, at, valueOf(value)])
    waiting.push({ id: String(serial), data: { run: runId, values } })
    if (waiting.length > mostWaiting) waiting.shift()
    wake()
  })
  const aborted = () => wake()
  signal.addEventListener('abort', aborted)
  try {
    while (!signal.aborted) {
      yield* waiting.splice(0)
      if (waiting.length > 0 || signal.aborted) continue
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  } finally {
    stop()
    signal.removeEventListener('abort', aborted)
  }
}

/** Events kept for one reader: what it misses it reads with the curves. */
const mostWaiting = 1000
