import { setTimeout as pause } from 'node:timers/promises'
import type { ApiError } from '@nabla/api/client'
import { isApiError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { limits } from '../limits.ts'

/** Whether trying again may help: no answer at all, or one that says the server is not there for the moment. */
export function isPassing(error: unknown): error is ApiError {
  if (!isApiError(error)) return false
  const { status } = error
  return status === 0 || status === 502 || status === 503 || status === 504
}

/**
 * Does something that depends on the server, again and again while the server is away for a moment, with growing
 * pauses and a bound. `attempt` calls `alive` whenever it got something, and goes on where it was when called again.
 */
export async function withRetries<Result>(
  { out }: Context,
  attempt: (alive: () => void) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  let waitedMs = 0
  let pauseMs: number = limits.retryFirstMs
  const alive = (): void => {
    if (waitedMs > 0) out.note('The server is back.')
    waitedMs = 0
    pauseMs = limits.retryFirstMs
  }
  for (;;) {
    try {
      return await attempt(alive)
    } catch (error) {
      if (!isPassing(error) || waitedMs >= limits.retryForMs) throw error
      if (waitedMs === 0) out.note('The server does not answer; the job goes on. Trying again…')
      await pause(pauseMs, undefined, signal ? { signal } : {})
      waitedMs += pauseMs
      pauseMs = Math.min(pauseMs * 2, limits.retryMostMs)
    }
  }
}
