import { setTimeout as pause } from 'node:timers/promises'
import { AwsV4Signer } from 'aws4fetch'
import { AppError } from '../../lib/app-error.ts'
import { type Clock, toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { isPassing, reasonOf, type S3Failure, skewCodes } from './failure.ts'
import { textOf } from './xml.ts'

/** A bucket, and who we are there. */
export interface S3Place {
  /** Such as `https://s3.example.com`; the bucket is the first part of the path (path-style addressing). */
  endpoint: string
  region: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

export interface S3Request {
  method: 'GET' | 'PUT' | 'DELETE'
  /** Empty for the bucket itself. */
  key: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: Uint8Array
  signal?: AbortSignal | undefined
}

export interface S3Answer {
  status: number
  headers: Headers
  body: Buffer
}

export interface S3Client {
  /**
   * Sends a request, and again while it fails by what may pass. Answers of status 2xx are returned, and those whose
   * error code is in `expected`, with that code. Throws AppError `store_unavailable` that says what is wrong.
   */
  send(request: S3Request, expected?: readonly string[]): Promise<S3Answer & { code?: string }>
  /** By how much the clock of the store is ahead of ours, in milliseconds, as far as that has come to matter. */
  skewMs(): number
}

/**
 * Speaks the API of S3 (https://docs.aws.amazon.com/AmazonS3/latest/API/), signed with version 4. Every body that is
 * sent is signed by its SHA-256, so that one that is damaged on the way is refused.
 */
export function createS3Client(place: S3Place, clock: Clock): S3Client {
  const signingKeys = new Map<string, ArrayBuffer>()
  let skewMs = 0

  const sendOnce = async (request: S3Request): Promise<S3Answer | S3Failure> => {
    const { method, key, query = {}, headers = {}, body, signal } = request
    const path = key === '' ? place.bucket : `${place.bucket}/${key}`
    const url = `${place.endpoint.replace(/\/+$/, '')}/${path}?${new URLSearchParams(query).toString()}`
    const signed = await new AwsV4Signer({
      ...place,
      service: 's3',
      method,
      url: url.replace(/\?$/, ''),
      headers: { ...headers, 'x-amz-content-sha256': await sha256(body) },
      datetime: toIso(clock.now() + skewMs).replaceAll(/[:-]|\.\d{3}/g, ''),
      cache: signingKeys,
    }).sign()
    signal?.throwIfAborted()
    const limit = AbortSignal.timeout(limits.storeRequestMs)
    try {
      const response = await fetch(signed.url, {
        method,
        headers: signed.headers,
        ...(body && { body: body as Uint8Array<ArrayBuffer> }),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
        redirect: 'manual',
      })
      return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) }
    } catch (error) {
      signal?.throwIfAborted()
      return { status: 0, code: limit.aborted ? 'Timeout' : networkCode(error), detail: place.endpoint }
    }
  }

  /** Takes over the time of the store where it refused ours; whether that makes another try worth it. */
  const takeTime = (answer: S3Answer): boolean => {
    const theirs = Date.parse(answer.headers.get('date') ?? '')
    if (Number.isNaN(theirs)) return false
    const before = skewMs
    skewMs = theirs - clock.now()
    return Math.abs(skewMs - before) > limits.storeSkewMs
  }

  return {
    skewMs: () => skewMs,
    async send(request, expected = []) {
      for (let attempt = 1; ; attempt++) {
        const answer = await sendOnce(request)
        if ('body' in answer && answer.status >= 200 && answer.status < 300) return answer
        const failure = 'body' in answer ? failureOf(answer) : answer
        if ('body' in answer && expected.includes(failure.code)) return { ...answer, code: failure.code }
        const again = 'body' in answer && skewCodes.has(failure.code) ? takeTime(answer) : isPassing(failure)
        if (!again || attempt >= limits.storeTries) {
          throw new AppError('store_unavailable', { reason: reasonOf(failure, place) })
        }
        await waitBefore(attempt, request.signal)
      }
    },
  }
}

/** Doubling, and up to half of it by chance, so that many who failed together do not come back together. */
async function waitBefore(attempt: number, signal?: AbortSignal): Promise<void> {
  const most = Math.min(limits.storeRetryMs * 2 ** (attempt - 1), limits.storeRetryMostMs)
  try {
    await pause(most * (0.5 + Math.random() / 2), undefined, signal ? { signal } : {})
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

/** What S3 says of an error is XML; what stands in front of it may say something else. */
function failureOf({ status, headers, body }: S3Answer): S3Failure {
  const text = body.subarray(0, 64 * 1024).toString()
  const region = headers.get('x-amz-bucket-region') ?? textOf(text, 'Region')
  const code = textOf(text, 'Code') ?? (status >= 300 && status < 400 ? 'PermanentRedirect' : '')
  return { status, code, detail: textOf(text, 'Message') ?? '', ...(region !== undefined && { region }) }
}

const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** In the thread pool: the largest objects take a tenth of a second. */
async function sha256(body?: Uint8Array): Promise<string> {
  if (!body) return emptySha256
  return Buffer.from(await crypto.subtle.digest('SHA-256', body as Uint8Array<ArrayBuffer>)).toString('hex')
}

/** `fetch` wraps what the network said: `ECONNREFUSED`, `ENOTFOUND`, the code of a certificate. */
function networkCode(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code
    if (cause instanceof AggregateError && cause.errors.length > 0) return networkCode(cause.errors[0])
  }
  return error instanceof Error ? error.message : String(error)
}
