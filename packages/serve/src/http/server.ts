import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { steadyMs } from '../clock.ts'
import { badInput, messageOf, ServeError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { Ticket } from '../model/batcher.ts'
import type { Repository } from '../model/repository.ts'
import type { Version } from '../model/version.ts'
import type { Answer, Context, Route } from './route.ts'
import { passBytes } from '../young-garbage.ts'

export interface ServerOptions {
  repository: Repository
  metrics: Metrics
  routes: readonly Route[]
  log: Log
}

/** The HTTP server of all protocols. It listens nowhere yet. */
export function createHttpServer({ repository, metrics, routes, log }: ServerOptions): Server {
  const pending = { bytes: 0 }
  const server = createServer(
    { keepAliveTimeout: limits.keepAliveMs, requestTimeout: limits.requestMs, noDelay: true },
    (request, response) => {
      const exchange = new Exchange(request, response, { repository, metrics, routes, log }, pending)
      void exchange.answer()
    },
  )
  return server
}

const ignored = (): void => {}

/** One request and its answer. */
class Exchange {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #options: ServerOptions
  readonly #pending: { bytes: number }
  #ticket: Ticket | null = null
  #version: Version | null = null
  #held = 0

  constructor(request: IncomingMessage, response: ServerResponse, options: ServerOptions, pending: { bytes: number }) {
    this.#request = request
    this.#response = response
    this.#options = options
    this.#pending = pending
    // A connection that breaks is seen by `close`.
    request.on('error', ignored)
    response.on('error', ignored)
    response.on('close', () => {
      this.#pending.bytes -= this.#held
      this.#held = 0
      this.#ticket?.cancel()
    })
  }

  async answer(): Promise<void> {
    let began = steadyMs()
    let protocol = 'none'
    let answer: Answer
    try {
      const [route, params] = this.#find()
      protocol = route.protocol
      const body = route.method === 'POST' ? await this.#readBody() : Buffer.alloc(0)
      began = steadyMs()
      answer = await route.handle(this.#context(params, body))
    } catch (error) {
      answer = this.#errorAnswer(error)
    }
    this.#write(answer)
    if (this.#version === null) return
    const { name: model, version } = this.#version
    this.#options.metrics.request({ model, version, protocol, status: answer.status }, steadyMs() - began)
  }

  #find(): [Route, Record<string, string | undefined>] {
    const { method, url = '/' } = this.#request
    const end = url.indexOf('?')
    const path = end < 0 ? url : url.slice(0, end)
    const wanted = method === 'HEAD' ? 'GET' : method
    let other: Route | undefined
    for (const route of this.#options.routes) {
      const found = route.pattern.exec(path)
      if (found === null) continue
      if (route.method === wanted) return [route, found.groups ?? {}]
      other ??= route
    }
    if (other) throw new ServeError(405, `${method} is not possible here: expected ${other.method}`)
    throw new ServeError(404, `there is nothing at ${path.slice(0, 200)}: GET / says what there is`)
  }

  #context(params: Context['params'], body: Buffer): Context {
    const { repository, metrics } = this.#options
    return {
      repository,
      metrics,
      params,
      headers: this.#request.headers,
      body,
      run: (version, inputs, timeoutMs) => {
        this.#version = version
        this.#ticket = version.submit(inputs, timeoutMs)
        if (this.#response.destroyed) this.#ticket.cancel()
        return this.#ticket.outputs
      },
    }
  }

  async #readBody(): Promise<Buffer> {
    const { bodyBytes } = this.#options.repository.config.limits
    const body = await this.#collect(bodyBytes)
    const encoding = this.#request.headers['content-encoding']
    return encoding === undefined || encoding === 'identity' ? body : unpack(body, encoding, bodyBytes)
  }

  /** The body as it comes. One that is too large is read on for a moment, so that the client reads the answer. */
  #collect(most: number): Promise<Buffer> {
    const request = this.#request
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    const chunks: Buffer[] = []
    let size = 0
    let refused: ServeError | null = null
    let timer: NodeJS.Timeout | undefined
    const refuse = (error: ServeError): void => {
      refused = error
      chunks.length = 0
      timer = setTimeout(() => reject(error), limits.refusedBodyMs)
    }
    if (Number(request.headers['content-length'] ?? 0) > most) refuse(tooLarge(most))
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      passBytes(2 * chunk.length)
      if (refused !== null) return size > 2 * most ? reject(refused) : undefined
      if (size > most) return refuse(tooLarge(most))
      if (!this.#hold(chunk.length, most)) return refuse(busy())
      chunks.push(chunk)
    })
    let whole = false
    request.on('end', () => {
      clearTimeout(timer)
      whole = true
      if (refused !== null) reject(refused)
      else resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
    })
    request.on('close', () => {
      clearTimeout(timer)
      if (!whole) reject(refused ?? badInput('the body is cut off'))
    })
    return promise
  }

  /** Bodies that wait for their answers share a bound, so that many large ones do not take all memory. */
  #hold(bytes: number, bodyBytes: number): boolean {
    this.#held += bytes
    this.#pending.bytes += bytes
    return this.#pending.bytes <= Math.max(limits.pendingBytes, limits.pendingBodies * bodyBytes)
  }

  #errorAnswer(error: unknown): Answer {
    if (error instanceof ServeError) {
      const headers = error.retryAfterS === undefined ? {} : { 'retry-after': String(error.retryAfterS) }
      return { status: error.status, headers, body: JSON.stringify({ error: error.message }) }
    }
    this.#options.log(`a request failed by a fault of the server: ${(error as Error).stack ?? messageOf(error)}`)
    return { status: 500, body: '{"error":"a fault of the server: its log has more"}' }
  }

  /** There is more of the body, which would be taken for the next request. */
  get #unread(): boolean {
    const { complete, headers } = this.#request
    return !complete && ((headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined)
  }

  #write({ status, headers, body = '' }: Answer): void {
    const response = this.#response
    if (response.destroyed) return
    const parts = typeof body === 'string' ? [Buffer.from(body)] : body
    let size = 0
    for (const part of parts) size += part.length
    const close = this.#unread || this.#options.repository.draining ? { connection: 'close' } : {}
    response.writeHead(status, {
      'content-type': 'application/json',
      ...headers,
      'content-length': size,
      'x-content-type-options': 'nosniff',
      ...close,
    })
    if (parts.length === 1) response.end(parts[0])
    else {
      response.cork()
      for (const part of parts) response.write(part)
      response.end()
    }
  }
}

const tooLarge = (most: number) => new ServeError(413, `the body is too large: at most ${most} bytes are taken`)

const busy = () => new ServeError(503, 'too many large requests wait; ask again later', 1)

const unpackers = { gzip: promisify(gunzip), deflate: promisify(inflate), br: promisify(brotliDecompress) }

/** A body that was sent packed. What inflates beyond the bound is cut off there. */
async function unpack(body: Buffer, encoding: string, most: number): Promise<Buffer> {
  if (!Object.hasOwn(unpackers, encoding)) {
    throw new ServeError(
      415,
      `content-encoding ${encoding} is not known: expected ${Object.keys(unpackers).join(', ')}`,
    )
  }
  try {
    return await unpackers[encoding as keyof typeof unpackers](body, { maxOutputLength: most })
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(most)
    throw badInput(`the body is not ${encoding}: ${messageOf(error)}`)
  }
}
