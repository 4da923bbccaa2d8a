import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type Readable, Transform } from 'node:stream'
import type { RouteShape } from '@nabla/api/route'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import type { Bounds } from './bounds.ts'

/** Whether a request announces a body. */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Most bytes that a request to this route may carry. What goes into storage is bounded by the quota of the team. */
export function bodyLimit(shape: RouteShape, bounds: Bounds): number {
  if (shape.body !== 'bytes') return bounds.jsonBodyBytes
  return shape.errors?.includes('quota_exceeded') ? bounds.storedFileBytes : bounds.uploadBytes
}

/** Refuses a body that says of itself that it is too large, before any of it is read. */
export function checkAnnouncedSize(headers: IncomingHttpHeaders, limit: number): void {
  if (Number(headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
}

/**
 * Reads a JSON body whole. An empty one gives `{}`, for routes whose fields all have defaults. Throws AppError
 * `invalid` when it is no JSON or does not arrive in time, `body_too_large` when it is larger than the limit.
 */
export async function readJson(request: IncomingMessage, bounds: Bounds, clock: Clock): Promise<unknown> {
  if (!hasBody(request.headers)) return {}
  if (!/^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new AppError('invalid', { detail: 'The body must be JSON, sent with `content-type: application/json`.' })
  }
  const text = (await readAll(request, bounds, clock)).toString('utf8')
  if (text.trim() === '') return {}
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new AppError('invalid', { detail: `The body is not JSON: ${describeSyntax(error)}.` })
  }
}

/**
 * The body of an upload, counted on its way. It is a stream of its own because whoever reads it may destroy it when
 * something goes wrong, and destroying the request itself would take the connection, and the answer, with it.
 */
export function openUpload(request: IncomingMessage, limit: number): Readable {
  let received = 0
  const upload = new Transform({
    transform(chunk: Buffer, _, done) {
      received += chunk.length
      if (received > limit) done(tooLarge(limit))
      else done(null, chunk)
    },
  })
  request.on('error', (error) => upload.destroy(error))
  return request.pipe(upload)
}

async function readAll(request: IncomingMessage, bounds: Bounds, clock: Clock): Promise<Buffer> {
  const chunks: Buffer[] = []
  let received = 0
  const late = new AbortController()
  const cancel = clock.after(bounds.jsonBodyMs, () => late.abort())
  const outcome = new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (received <= bounds.jsonBodyBytes) chunks.push(chunk)
      else reject(tooLarge(bounds.jsonBodyBytes))
    })
    request.on('end', resolve)
    request.on('error', reject)
    late.signal.addEventListener('abort', () => {
      reject(new AppError('invalid', { detail: 'The body did not arrive in time.' }))
    })
  })
  try {
    await outcome
    return Buffer.concat(chunks)
  } finally {
    cancel()
    request.removeAllListeners('data')
  }
}

/** What JSON.parse complains of, without the part of the body that it quotes. */
function describeSyntax(error: unknown): string {
  const message = error instanceof Error ? error.message : ''
  const place = /at position \d+ \(line (\d+) column (\d+)\)/.exec(message)
  if (place) return `something is wrong at line ${place[1]}, column ${place[2]}`
  return /end of JSON/.test(message) ? 'it ends too early' : 'it cannot be read'
}

function tooLarge(limit: number): AppError {
  return new AppError('body_too_large', { limit: describeBytes(limit) })
}

function describeBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10))
  return `${Math.round((bytes / 1024 ** power) * 10) / 10} ${units[power]}`
}
