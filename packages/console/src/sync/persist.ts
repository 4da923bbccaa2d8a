import { ApiError } from '@nabla/api/client'

/** How calls carry on while the server is away. */
export interface Persistence {
  signal: AbortSignal
  /** Told when the server goes away, and when it is back. */
  onAway: (away: boolean) => void
}

const firstPauseMs = 250
const longestPauseMs = 5000
/** Times that a call is repeated which the server itself failed at. */
const mostFailures = 5

/** Makes a call that may be repeated again and again, for as long as the server is away. Throws what it says no with. */
export async function persist<Result>(call: () => Promise<Result>, { signal, onAway }: Persistence): Promise<Result> {
  let pauseMs = firstPauseMs
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted()
    try {
      const result = await call()
      if (failures > 0) onAway(false)
      return result
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError) || !isPassing(error, failures)) throw error
      onAway(true)
      await pause(pauseMs, signal)
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
    }
  }
}

function isPassing({ status, code }: ApiError, failures: number): boolean {
  if (status === 0 || [429, 502, 503, 504].includes(status)) return true
  return code === 'internal' && failures < mostFailures
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer)
      window.removeEventListener('online', go)
      resolve()
    }
    const timer = setTimeout(go, ms)
    window.addEventListener('online', go, { once: true })
    signal.addEventListener('abort', go, { once: true })
  })
}
