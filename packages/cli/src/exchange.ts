import type { ClientRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { Exchange, WireRequest } from '@nabla/api/client'
import { limits } from './limits.ts'

/**
 * Asks the server by Node's own HTTP client in place of `fetch`, which takes 60 ms to load, a third of a command, and
 * copies what is sent three times.
 */
export const exchange: Exchange = (request) => exchangeWithin(request, limits.silenceMs)

/** The same; fails once nothing has come or gone for `silenceMs`. */
export function exchangeWithin(
  { url, method, headers, body, signal }: WireRequest,
  silenceMs: number,
): ReturnType<Exchange> {
  // Not imported: a module's import of `node:http` reads all that it exports, for which Node loads all of `fetch`.
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http')
  const sent = request(url, { method, headers, ...(signal && { signal }) })
  sent.setTimeout(silenceMs, () => sent.destroy(new Error(`nothing came for ${silenceMs / 1000} s`)))
  return new Promise((resolve, reject) => {
    sent.on('response', (answer) => {
      // A server may say no before it has read all. That counts, and not that the rest could not be sent.
      sent.off('error', reject).on('error', () => {})
      const { statusCode: status = 0, statusMessage: statusText = '' } = answer
      text(answer)
        .then((said) => resolve({ status, statusText, text: said }), reject)
        .finally(() => sent.writableFinished || sent.destroy())
    })
    sent.on('error', reject)
    sendBody(sent, body)
  })
}

function sendBody(sent: ClientRequest, body: WireRequest['body']): void {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) sent.end(body)
  // What goes wrong with it ends the request, which says so itself.
  else pipeline(body instanceof Blob ? body.stream() : body, sent).catch(() => {})
}
