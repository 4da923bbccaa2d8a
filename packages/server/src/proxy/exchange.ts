import { type ClientRequest, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import { hasBody, programHeaders, responseHeaders } from './headers.ts'
import type { Upstream, Upstreams } from './upstream.ts'

export interface Onward {
  /** Path and query for the task. */
  url: string
  headers: Record<string, string | string[]>
  signal: AbortSignal
  /** The answer is for a program, at the console's own origin. */
  forPrograms?: boolean
}

/**
 * Sends a request on to a task and its answer back, both as streams. Resolves when all has been sent. Rejects with the
 * error of the connection if none could be made, and with AppError `serving_failed` if the task breaks off before it
 * answers; once it has begun to answer, breaking off cuts the client off too, so that half an answer is not a whole.
 */
export async function exchange(
  client: { request: IncomingMessage; response: ServerResponse },
  { served, address }: Upstream,
  onward: Onward,
  upstreams: Upstreams,
): Promise<void> {
  const { request, response } = client
  const withBody = hasBody(request.headers)
  // A connection that the task is about to close shows only once something was sent, and a body is not sent twice.
  for (let spare = !withBody; ;) {
    const sent = await connected(request, { served, address }, onward, spare ? upstreams : undefined)
    try {
      if (request.headers.expect !== undefined && withBody) response.writeContinue()
      await passOn(await answerOf(sent, withBody ? request : undefined), response, onward)
      return
    } catch {
      sent.destroy()
      if (response.headersSent || response.destroyed || onward.signal.aborted) {
        response.destroy()
        return
      }
      if (!spare || !sent.reusedSocket) throw new AppError('serving_failed', { name: served.name })
      spare = false
    }
  }
}

/** A request whose connection stands; nothing has been sent yet. */
function connected(
  { method }: IncomingMessage,
  { served, address }: Upstream,
  { url, headers, signal }: Onward,
  reuse: Upstreams | undefined,
): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({
      host: address.host,
      port: address.port,
      method: method ?? 'GET',
      path: (served.pathPrefix ?? '') + url,
      headers,
      setHost: false,
      signal,
      agent: reuse?.agent ?? false,
      timeout: limits.proxyIdleMs,
      maxHeaderSize: limits.proxyHeaderBytes,
    })
    sent.once('error', reject)
    sent.once('timeout', () => sent.destroy(new Error('nothing moved for too long')))
    sent.once('socket', (socket) => {
      if (socket.connecting) socket.once('connect', () => resolve(sent))
      else resolve(sent)
    })
  })
}

/** The answer, which may come while the body is still on its way. */
function answerOf(sent: ClientRequest, body: IncomingMessage | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.once('response', resolve)
    sent.on('error', reject)
    // An answer that switches protocols though it was not asked to.
    sent.once('upgrade', (_, socket) => {
      socket.destroy()
      reject(new Error('the task switched protocols'))
    })
    // A task may have answered and closed before it has read all: then this failure is no news.
    if (body) pipeline(body, sent).catch(reject)
    else sent.end()
  })
}

async function passOn(answer: IncomingMessage, response: ServerResponse, { forPrograms }: Onward): Promise<void> {
  response.sendDate = false
  response.writeHead(
    answer.statusCode ?? 502,
    answer.statusMessage,
    forPrograms ? programHeaders(answer) : responseHeaders(answer),
  )
  // Those who wait for the first event of a stream see that it has begun.
  response.flushHeaders()
  await pipeline(answer, response)
}
