import { randomBytes } from 'node:crypto'
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ErrorBody } from '@nabla/api/errors'
import type { AppError } from '../lib/app-error.ts'

/** Seconds after which a page that waits for a task looks again. */
const againSeconds = 3

/** What of a request decides in which form it is refused. */
interface Asked {
  method?: string | undefined
  headers: IncomingHttpHeaders
}

/** Answers that a request went no further: as a page to a person, as JSON to a program. */
export function sendProblem(request: IncomingMessage, response: ServerResponse, error: AppError): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const { status, headers, body } = problemAnswer(request, error)
  // A body that nobody is going to read would hold up the next request.
  response.writeHead(status, { ...headers, ...(!request.complete && { connection: 'close' }) })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** What that answer is made of. Texts of the headers are plain ASCII. */
export function problemAnswer(
  request: Asked,
  error: AppError,
): { status: number; headers: Record<string, string | number>; body: string } {
  const nonce = randomBytes(12).toString('base64')
  const isPage = wantsPage(request)
  const body = isPage ? page(error, nonce) : JSON.stringify(toBody(error))
  const again = error.code === 'not_listening' || error.code === 'not_serving'
  const headers = {
    'content-type': isPage ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; frame-ancestors 'none'`,
    ...(error.status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(again && { 'retry-after': String(againSeconds) }),
  }
  return { status: error.status, headers, body }
}

/** The same to one that asked for a socket. */
export function refuseSocket(socket: Duplex, error: AppError): void {
  const body = JSON.stringify(toBody(error))
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

/** Whether a browser goes to this address, and does not load it as a part of a page. */
export function wantsPage({ method, headers }: Asked): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false
  const mode = headers['sec-fetch-mode']
  if (mode !== undefined && mode !== 'navigate') return false
  return (headers.accept ?? '').includes('text/html')
}

function toBody(error: AppError): ErrorBody {
  return { error: { code: error.code, message: error.message.slice(0, 2000), hint: error.hint.slice(0, 2000) } }
}

function page(error: AppError, nonce: string): string {
  const again = error.code === 'not_listening' ? `<meta http-equiv="refresh" content="${againSeconds}">` : ''
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${again}
<title>${escapeHtml(error.message)}</title>
<style nonce="${nonce}">
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 18vh auto 0; padding: 0 1.5rem; }
h1 { font-size: 1.25rem; line-height: 1.35; margin: 0 0 .75rem; overflow-wrap: anywhere; }
p { margin: 0 0 .75rem; opacity: .8; overflow-wrap: anywhere; }
small { opacity: .6; }
</style>
</head>
<body>
<main>
<h1>${escapeHtml(error.message)}</h1>
<p>${escapeHtml(error.hint)}</p>
${again === '' ? '' : '<p role="status">This page looks again by itself.</p>'}
<small>Nabla</small>
</main>
</body>
</html>
`
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
