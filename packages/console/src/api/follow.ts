import { ApiError, type CallOptions, type StreamEvent } from '@nabla/api/client'
import { isSignedOut, signedInAgain } from './session.ts'
import { endWhenSilent, pauseWhenHidden, untilShown } from './stream-watch.ts'

/** A hidden page gives its connection back after this long: browsers allow few to one server, over all their tabs. */
const hiddenMs = 5000
const firstDelayMs = 500
const longestDelayMs = 30_000

/**
 * Follows one stream of events until the server says that it is over, or the signal aborts: it is resumed after the last
 * event whenever it breaks off, and let go of while nobody sees the page. Throws `ApiError` when the server refuses it.
 */
export async function followStream<T>(given: {
  open: (options: CallOptions) => AsyncIterable<StreamEvent<T>>
  take: (data: T) => void
  signal: AbortSignal
}): Promise<void> {
  const { open, take, signal } = given
  let last: string | undefined
  for (let tries = 0; !signal.aborted;) {
    const pause = new AbortController()
    const lost = new AbortController()
    const stopWatching = pauseWhenHidden(hiddenMs, pause)
    const silence = endWhenSilent(lost)
    try {
      const headers: Record<string, string> = last === undefined ? {} : { 'last-event-id': last }
      const stop = AbortSignal.any([signal, pause.signal, lost.signal])
      for await (const { id, data } of open({
        signal: stop,
        headers,
        onOpen: () => (tries = 0),
        onBeat: silence.beat,
      })) {
        last = id
        take(data)
      }
      return
    } catch (error) {
      if (signal.aborted) return
      if (pause.signal.aborted) await untilShown(signal)
      else if (isSignedOut(error)) await signedInAgain()
      else if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429)
        throw error
      else await wait(Math.min(longestDelayMs, firstDelayMs * 2 ** tries++), signal)
    } finally {
      stopWatching()
      silence.stop()
    }
  }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done() {
      clearTimeout(timer)
      window.removeEventListener('online', done)
      resolve()
    }
    window.addEventListener('online', done)
    signal.addEventListener('abort', done, { once: true })
  })
}
