import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ErrorBody, errorCatalogue } from '@nabla/api/errors'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isDiskFull } from '../db/errors.ts'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import type { Bounds } from './bounds.ts'
import { siteOf } from './compat.ts'

/** Longest message that is sent: parameters of it may come from the request. */
const messageCharacters = 2000

/** What a thrown value is to the caller. Anything that is not an `AppError` or known to be one is a bug: `internal`. */
export function toAppError(error: unknown, requestId: string): AppError {
  if (error instanceof AppError) return error
  if (isDiskFull(error)) return new AppError('disk_full')
  return fromFastify(error) ?? new AppError('internal', { requestId })
}

/** The body of the response to an error. */
export function toErrorBody(error: AppError, requestId: string): ErrorBody {
  const message = error.message.slice(0, messageCharacters)
  return { error: { code: error.code, message, hint: error.hint.slice(0, messageCharacters), requestId } }
}

/** Answers a failed request; a bug goes to the log with its stack. Failures of a caller who has left are no news. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = toAppError(error, request.id)
  logFailure(error, known, request, reply)
  if (known.status === 401) void reply.header('www-authenticate', 'Bearer')
  const { seconds } = known.params
  if (known.status === 429 && seconds !== undefined) void reply.header('retry-after', String(seconds))
  const { status, body } = siteOf(request)?.errorBody(known, request.url) ?? {
    status: known.status,
    body: toErrorBody(known, request.id),
  }
  void reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(body))
}

/** Writes to the log what a person who runs the server has to know of a failure. */
export function logFailure(error: unknown, known: AppError, request: FastifyRequest, reply: FastifyReply): void {
  if (reply.raw.destroyed && !reply.raw.writableFinished) request.log.debug({ code: known.code }, 'the client left')
  else if (known.code === 'internal') request.log.error({ err: error }, 'a request failed by a bug')
  else if (known.status >= 500) {
    const err = error === known && known.cause === undefined ? undefined : error
    request.log.warn({ code: known.code, err }, known.message)
  }
}

/**
 * Ends the connection after this response, though the client may still be sending. A plain close would reset the
 * connection and with it the response that explains it, so the rest is read and thrown away for a moment first.
 */
export function closeAfterReply(request: FastifyRequest, reply: FastifyReply, bounds: Bounds, clock: Clock): void {
  if (request.raw.complete || reply.raw.headersSent) return
  void reply.header('connection', 'close')
  const { socket } = request.raw
  socket.destroySoon = () => {
    socket.end()
    request.raw.resume()
    clock.after(bounds.lingerMs, () => socket.destroy())
  }
}

/** Answers what is not HTTP, has headers that are too large, or came too slowly. There is no request to speak of. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, detail] = brokenRequests[error.code ?? ''] ?? [400, 'The request is not HTTP.']
  const failure = { code: 'invalid', message: detail, hint: errorCatalogue.invalid.hint } satisfies ErrorBody['error']
  const body = JSON.stringify({ error: failure } satisfies ErrorBody)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

/** By the codes of Node's HTTP parser and server. */
const brokenRequests: Record<string, [number, string]> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers of the request are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions of the request are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
}

function fromFastify(error: unknown): AppError | undefined {
  if (!(error instanceof Error) || !('code' in error) || !String(error.code).startsWith('FST_')) return undefined
  if (error.code === 'FST_ERR_BAD_URL') {
    return new AppError('invalid', { detail: 'The address of the request is not well formed.' })
  }
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new AppError('invalid', { detail: 'The content type of the request is not well formed.' })
  }
  return undefined
}
