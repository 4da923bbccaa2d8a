import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import { sendProblem } from '../proxy/problem.ts'
import { readBody } from './body.ts'
import { exchange, type HeadersOf, type Onward, type Outcome } from './exchange.ts'
import type { Upstream } from './upstream.ts'

/** What the gateway reads of the head of a request. */
export interface RequestHead extends Pick<IncomingMessage, 'headers' | 'rawHeaders'> {
  method?: string | undefined
  url?: string | undefined
  socket: Pick<Socket, 'remoteAddress' | 'localAddress'>
}

/** One request, and the way back to whoever sent it: through Node's own parser, or as a plain one. */
export interface Caller {
  readonly request: RequestHead
  /** Nobody waits for the answer any more. */
  readonly isGone: boolean
  /** Aborts when nobody does. Only for a request that has to wait: it costs. */
  goneSignal(): AbortSignal
  /** It was let in: from now on it may take as long as it needs to. */
  letIn(): void
  /** Its body: none, whole, or a stream. Throws or rejects with AppError `body_too_large`. */
  readBody(mostBytes: number): Promise<Buffer> | Buffer | Readable | null
  /** Sends it on and passes the answer back. Never rejects. */
  exchange(upstream: Upstream, onward: Onward, headersOf: HeadersOf): Promise<Outcome>
  /** Answers that it goes no further. */
  refuse(error: AppError, requestId: string): void
}

/** A request that Node's own parser has read: any that there may be. */
export class NodeCaller implements Caller {
  readonly request: IncomingMessage
  readonly #response: ServerResponse
  readonly #clock: Clock

  constructor(request: IncomingMessage, response: ServerResponse, clock: Clock) {
    this.request = request
    this.#response = response
    this.#clock = clock
  }

  get isGone(): boolean {
    return this.#response.destroyed
  }

  goneSignal(): AbortSignal {
    const gone = new AbortController()
    this.#response.once('close', () => gone.abort())
    return gone.signal
  }

  letIn(): void {
    this.request.socket.setTimeout(0)
  }

  readBody(mostBytes: number): Promise<Buffer> | Readable | null {
    if (this.request.headers.expect !== undefined) this.#response.writeContinue()
    return readBody(this.request, mostBytes)
  }

  exchange(upstream: Upstream, onward: Onward, headersOf: HeadersOf): Promise<Outcome> {
    return exchange({ response: this.#response, headersOf }, upstream, onward, this.#clock)
  }

  refuse(error: AppError, requestId: string): void {
    const response = this.#response
    if (!response.headersSent && !response.destroyed) response.setHeader('x-request-id', requestId)
    sendProblem(this.request, response, error)
  }
}
