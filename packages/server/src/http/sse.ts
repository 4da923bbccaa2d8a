import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { EventStream, StreamItem } from '../kinds/kind.ts'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import type { ErrorBody } from '@nabla/api/errors'

export interface EventSink {
  response: ServerResponse
  /** Aborts when the client goes away or the server stops. */
  signal: AbortSignal
  clock: Clock
  heartbeatMs: number
  /** What the data of every event has to fit. */
  schema: z.ZodType
  /** Throws once whoever listens may not any more; asked at each beat. */
  recheck: () => Promise<unknown>
  /** Turns what the iterator throws into what the client is told. */
  onError: (error: unknown) => ErrorBody
}

/**
 * Writes server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) until the iterator
 * ends, which an event `end` tells the client, or throws, which an event `error` does. The next event is asked for
 * only once the connection has taken the one before. When the signal aborts, the response just breaks off: the
 * client is gone, or shall come back with the last id. Who is signed out meanwhile is told so, at the latest after one
 * beat. Headers must have been written.
 */
export async function writeEvents(stream: EventStream, sink: EventSink): Promise<void> {
  const { response, signal } = sink
  const iterator = stream.events[Symbol.asyncIterator]()
  const refused = new AbortController()
  const over = AbortSignal.any([signal, refused.signal])
  const beat = startHeartbeat(sink, (error) => refused.abort(error))
  try {
    for (;;) {
      const next = await nextUnlessAborted(iterator, over)
      if (signal.aborted) return
      refused.signal.throwIfAborted()
      if (next.done) break
      beat.written()
      if (!write(response, next.value, sink.schema)) await drained(response, over)
    }
    response.end('event: end\ndata: {}\n\n')
  } catch (error) {
    const body = sink.onError(error)
    if (!signal.aborted) response.end(`event: error\ndata: ${JSON.stringify(body)}\n\n`)
    // When this response closes the signal aborts, and with it whatever the stream waits for.
    if (refused.signal.aborted && !response.closed) await once(response, 'close')
  } finally {
    beat.stop()
    if (signal.aborted) response.destroy()
    // A generator that still waits for something will see the signal; nothing here waits for it to do so.
    iterator.return?.().then(undefined, () => undefined)
  }
}

/** Whether there is room for more. JSON has no line breaks of its own, so one `data` line holds it. */
function write(response: ServerResponse, item: StreamItem, schema: z.ZodType): boolean {
  if ('comment' in item) return response.write(`: ${oneLine(item.comment)}\n\n`)
  const head = `id: ${oneLine(item.id)}\ndata: `
  if ('data' in item) return response.write(`${head}${JSON.stringify(schema.parse(item.data))}\n\n`)
  // Node sends together what is written in one turn.
  response.write(head)
  response.write(item.json)
  const { sent } = item
  return response.write('\n\n', (error) => !error && sent?.())
}

const oneLine = (text: string): string => text.replaceAll(/[\r\n\u0000]/g, ' ')

/** The next event, or the end if the signal aborts first. No `Promise.race`: it would keep every loser in memory. */
function nextUnlessAborted(
  iterator: AsyncIterator<StreamItem>,
  signal: AbortSignal,
): Promise<IteratorResult<StreamItem>> {
  if (signal.aborted) return Promise.resolve({ done: true, value: undefined })
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve({ done: true, value: undefined })
    signal.addEventListener('abort', onAbort, { once: true })
    const settle = () => signal.removeEventListener('abort', onAbort)
    iterator.next().then(resolve, reject).finally(settle)
  })
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    response.on('drain', done)
    signal.addEventListener('abort', done)
  })
}

/** Sends a comment after every `heartbeatMs` in which nothing else was sent, and looks who it is that listens. */
function startHeartbeat({ response, clock, heartbeatMs, recheck }: EventSink, refuse: (error: unknown) => void) {
  let quiet = true
  let cancel = clock.after(heartbeatMs, tick)
  function tick() {
    if (quiet && !response.writableNeedDrain) response.write(':\n\n')
    quiet = true
    // A database that does not answer for a moment signs nobody out.
    recheck().catch((error: unknown) => error instanceof AppError && refuse(error))
    cancel = clock.after(heartbeatMs, tick)
  }
  return {
    written: () => {
      quiet = false
    },
    stop: () => cancel(),
  }
}
