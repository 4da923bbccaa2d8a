import { setTimeout as pause } from 'node:timers/promises'
import { CliError, isApiError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { isPassing } from '../job/resume.ts'
import { limits } from '../limits.ts'

/** Makes a call that may be repeated, again and again while the server is away for a moment. */
export type Retry = <Result>(call: () => Promise<Result>) => Promise<Result>

interface RetryOptions {
  /** How long to wait for a server that went away, in milliseconds. */
  forMs: number
  /** What to do when it does not come back. */
  hint: string
}

/**
 * Calls that are under way at the same time share one Retry: it tells once that the server went away, and once that
 * it is back. A server that never answered is not waited for. Throws CliError when it stays away.
 */
export function createRetry({ out, io }: Context, { forMs, hint }: RetryOptions): Retry {
  let reached = false
  let lostAtMs: number | undefined
  return async (call) => {
    let pauseMs: number = limits.retryFirstMs
    for (let failures = 0; ; failures++) {
      try {
        const result = await call()
        if (lostAtMs !== undefined) out.note('The server is back.')
        reached = true
        lostAtMs = undefined
        return result
      } catch (error) {
        const isPassingOne = isPassing(error)
        // A server that is being stopped may fail in any way; one that fails again and again has a problem of its own.
        const isFailure = isApiError(error) && error.code === 'internal' && failures < limits.failedCalls
        if (!reached || !(isPassingOne || isFailure)) throw error
        if (isPassingOne) {
          if (lostAtMs === undefined) out.note('The server does not answer. Trying again…')
          lostAtMs ??= io.now()
          if (io.now() - lostAtMs >= forMs) throw staysAway(error, { forMs, hint })
        }
        await pause(pauseMs)
        pauseMs = Math.min(pauseMs * 2, limits.retryMostMs)
      }
    }
  }
}

function staysAway(error: Error, { forMs, hint }: RetryOptions): CliError {
  return new CliError(`${error.message} It was tried for ${Math.round(forMs / 1000)} s.`, hint, 'unreachable', error)
}
