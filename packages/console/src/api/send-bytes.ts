import type { CallShape } from '@nabla/api/calls'
import { ApiError } from '@nabla/api/client'
import { readErrorBody } from '@nabla/api/error-body'
import { signedInAgain } from './session.ts'

export interface SendOptions {
  signal: AbortSignal
  /** Called with how many bytes of the body have left, every 50 ms or so: `fetch` does not tell. */
  onProgress?: (sentBytes: number) => void
}

/**
 * Sends bytes to a route of the contract and answers with its JSON. Waits for a sign-in if the session has ended.
 * Throws `ApiError`, with status 0 when the connection broke off, and what the signal was aborted with.
 */
export async function sendBytes<Answer>(
  route: CallShape,
  input: Record<string, string | number>,
  body: Blob,
  options: SendOptions,
): Promise<Answer> {
  for (;;) {
    try {
      return (await sendOnce(route, input, body, options)) as Answer
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error
      await signedInAgain()
    }
  }
}

function sendOnce(
  route: CallShape,
  input: Record<string, string | number>,
  body: Blob,
  { signal, onProgress }: SendOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const request = new XMLHttpRequest()
    const stop = () => request.abort()
    signal.addEventListener('abort', stop, { once: true })
    request.upload.addEventListener('progress', ({ loaded }) => onProgress?.(loaded))
    request.addEventListener('loadend', () => {
      signal.removeEventListener('abort', stop)
      if (signal.aborted) reject(signal.reason as Error)
      else if (request.status >= 200 && request.status < 300) resolve(readJson(request.responseText))
      else reject(toError(request))
    })
    request.open(route.method, addressOf(route, input))
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.send(body)
  })
}

function addressOf(route: CallShape, input: Record<string, string | number>): string {
  const rest = { ...input }
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = rest[name]
    delete rest[name]
    return encodeURIComponent(String(value))
  })
  const query = new URLSearchParams(Object.entries(rest).map(([name, value]) => [name, String(value)]))
  return `${path}?${query.toString()}`
}

function toError(request: XMLHttpRequest): ApiError {
  const body = readErrorBody(readJson(request.responseText))
  if (body) return new ApiError(request.status, body.error)
  if (request.status === 0) {
    const hint = 'It goes on by itself once the server can be reached.'
    return new ApiError(0, { code: 'unreachable', message: 'The connection broke off.', hint })
  }
  const message = `The server answered ${request.status}.`
  return new ApiError(request.status, { code: 'internal', message, hint: 'Try again in a moment.' })
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
