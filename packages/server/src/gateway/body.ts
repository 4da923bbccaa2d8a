import type { IncomingMessage } from 'node:http'
import { Transform, type Readable } from 'node:stream'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'

/**
 * The body of a request: none, whole if it is small, so that it can be sent again, or a stream that ends with an error
 * when it turns out to be too large. Throws AppError `body_too_large` for one that says so.
 */
export function readBody(request: IncomingMessage, mostBytes: number): Promise<Buffer> | Readable | null {
  const { 'content-length': announced, 'transfer-encoding': coding } = request.headers
  if (coding === undefined && (announced === undefined || announced === '0')) return null
  if (announced !== undefined) {
    const bytes = Number(announced)
    if (bytes > mostBytes) throw tooLarge(mostBytes)
    if (bytes <= limits.gatewayWholeBytes) return readWhole(request, bytes)
  }
  return bounded(request, mostBytes)
}

function readWhole(request: IncomingMessage, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes)))
    request.once('error', reject)
    request.once('close', () => reject(new Error('the client went away')))
  })
}

function bounded(request: IncomingMessage, mostBytes: number): Readable {
  let bytes = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes > mostBytes) done(tooLarge(mostBytes))
      else done(null, chunk)
    },
  })
  request.once('error', (error) => counted.destroy(error))
  request.once('close', () => request.complete || counted.destroy(new Error('the client went away')))
  return request.pipe(counted)
}

/** Of a body that is longer than its route takes. */
export const tooLarge = (mostBytes: number): AppError => new AppError('body_too_large', { limit: `${mostBytes} bytes` })
