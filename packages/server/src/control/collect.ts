import type { Deps } from '../deps.ts'
import { limits } from '../lib/limits.ts'

/** Collects chunks that nothing needs, now and then and beside all else. */
export interface Collector {
  /** Begins a collection if it is time for one and none is under way. Resolves when that has ended; never throws. */
  collect(signal: AbortSignal): Promise<void>
}

/** The first one comes a while after the start, when the jobs of that moment have been looked after. */
const firstMs = limits.collectMs / 12

export function makeCollector({ chunks, clock, log }: Pick<Deps, 'chunks' | 'clock' | 'log'>): Collector {
  let dueAt = clock.steady() + firstMs
  let collecting = false
  return {
    async collect(signal) {
      if (collecting || clock.steady() < dueAt) return
      collecting = true
      try {
        const collected = await chunks.collect(signal)
        if (collected.sparedTeams > 0) log.error(collected, 'trees cannot be read whole: run `nabla fsck`')
        else log.debug(collected, 'collected chunks')
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error }, 'a collection of chunks broke off; the next one goes on')
      } finally {
        collecting = false
        dueAt = clock.steady() + limits.collectMs
      }
    },
  }
}
