import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../lib/app-error.ts'
import { errorCode } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'
import type { OutboundRules } from '../lib/outbound-rules.ts'
import { type Answer, type HeadersFor, request } from './outbound.ts'

/** One object at an address, and what it must be. */
export interface ObjectRequest {
  url: URL
  /** For people. */
  shown: string
  rules: OutboundRules
  /** Headers for a login, or a signature, made anew for each request. */
  headersFor: HeadersFor
  /** Hears of the time at the other end when that refuses; answers whether it is worth another try. */
  takeTime?: ((theirs: number) => boolean) | undefined
  sha256?: string | undefined
  etag?: string | undefined
  signal: AbortSignal
  /** Hears of bytes as they come. */
  onBytes(bytes: number): void
}

/**
 * The bytes of an object. A transfer that breaks off goes on where it was, as long as the object is the same. Ends with
 * an error if it is not what it must be: `source_mismatch` with what was expected and what came.
 */
export async function* bytesOf(object: ObjectRequest): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash('sha256')
  let offset = 0
  let failures = 0
  let first: IncomingHttpHeaders | undefined
  for (;;) {
    let answer: Answer | undefined
    try {
      answer = await open(object, offset, first)
      first ??= checked(object, answer.headers)
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        failures = 0
        offset += chunk.length
        hash.update(chunk)
        object.onBytes(chunk.length)
        yield chunk
      }
      break
    } catch (error) {
      object.signal.throwIfAborted()
      if (error instanceof AppError) throw error
      failures++
      if (failures >= limits.fetchTries || errorCode(error) === 'ENOTFOUND') throw failed(object, reasonOf(error))
      await pause(limits.fetchRetryMs * 2 ** (failures - 1), undefined, { signal: object.signal })
    } finally {
      answer?.body.destroy()
    }
  }
  const actual = hash.digest('hex')
  if (object.sha256 === undefined || object.sha256 === actual) return
  throw mismatch(object, 'SHA-256', object.sha256, actual)
}

/** All of a short answer, such as a list. */
export async function textOfAnswer(object: ObjectRequest, mostBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of bytesOf(object)) {
    length += chunk.length
    if (length > mostBytes) throw failed(object, 'its answer is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export const failed = ({ shown: url }: Pick<ObjectRequest, 'shown'>, reason: string): AppError =>
  new AppError('fetch_failed', { url, reason })

/** Answers that may be others a moment later: thrown as a plain error, so that the request is made again. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504])

async function open(object: ObjectRequest, offset: number, first: IncomingHttpHeaders | undefined): Promise<Answer> {
  const { url, rules, signal } = object
  const validator = first?.etag?.startsWith('"') ? first.etag : first?.['last-modified']
  const range: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-`, 'if-range': validator ?? '""' } : {}
  const answer = await request(url, {
    rules,
    signal,
    headersFor: async (at, isFirstOrigin) => ({
      ...(await object.headersFor(at, isFirstOrigin)),
      ...range,
      'accept-encoding': 'identity',
      'user-agent': 'nabla',
    }),
  })
  const { status } = answer
  if (offset === 0 ? status === 200 : status === 206) return answer
  answer.body.destroy()
  const text = `the server answered ${status} ${answer.body.statusMessage ?? ''}`.trim()
  if (passing.has(status)) throw new Error(text)
  if (status === 403 && object.takeTime?.(Date.parse(answer.headers.date ?? ''))) throw new Error(text)
  if (offset > 0 && (status === 200 || status === 416)) {
    throw failed(object, 'the transfer broke off, and could not go on with the same object')
  }
  throw failed(object, status === 401 || status === 403 ? `${text}: the login is missing or wrong` : text)
}

/** Before anything is read: the expected ETag, and what it stands for. */
function checked(object: ObjectRequest, headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const actual = bare(headers.etag ?? '')
  if (object.etag === undefined || bare(object.etag) === actual) return headers
  throw mismatch(object, 'ETag', bare(object.etag), actual === '' ? 'missing' : actual)
}

/** ETags are written with quotes, and often without. */
const bare = (etag: string): string =>
  etag
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1')

const mismatch = ({ shown: url }: ObjectRequest, what: string, expected: string, actual: string): AppError =>
  new AppError('source_mismatch', { url, what, expected, actual })

function reasonOf(error: unknown): string {
  const code = errorCode(error) ?? ''
  return networkReasons[code] ?? (error instanceof Error && error.message !== '' ? error.message : code)
}

const networkReasons: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such name',
  EAI_AGAIN: 'its name cannot be looked up',
  ECONNRESET: 'it closes the connection',
  ETIMEDOUT: 'it does not answer',
}
