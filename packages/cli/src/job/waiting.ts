import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '@nabla/api/client'
import { limits } from '../limits.ts'
import type { Output } from '../terminal/output.ts'
import { isPassing } from './resume.ts'

/**
 * Says what something waits for where no status line can be drawn, as in a file or a pipe: each reason once, and nothing
 * of what starts at once. `ask` answers with the reason, null while it is not known, and undefined once nothing waits.
 * Returns what ends it.
 */
export function sayWaits(
  out: Output,
  ask: (signal: AbortSignal) => Promise<string | null | undefined>,
  watching: AbortSignal,
): () => void {
  if (out.json || out.quiet) return () => {}
  const ending = new AbortController()
  const signal = AbortSignal.any([watching, ending.signal])
  const said = new Set<string | null>([null])
  const watch = async (): Promise<void> => {
    for (;;) {
      await pause(limits.waitsMs, undefined, { signal })
      const why = await ask(signal).catch((error: unknown) => {
        if (isPassing(error)) return null
        throw error
      })
      if (why === undefined) return
      if (!said.has(why)) out.note(`Waiting: ${why}`)
      said.add(why)
    }
  }
  watch().catch((error: unknown) => {
    if (!signal.aborted) out.warn(`it is not known what it waits for: ${String(error)}`)
  })
  return () => ending.abort()
}

/** What a job waits for; null: it is not known. Undefined: it does not wait. */
export async function whyJobWaits(
  client: Client,
  job: string,
  signal: AbortSignal,
): Promise<string | null | undefined> {
  const { state, queue } = await client.job.show({ job }, { signal })
  return state === 'pending' ? (queue?.why ?? null) : undefined
}
