import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { AppError } from '../lib/app-error.ts'
import type { Upstream } from './upstream.ts'

/** One request on its way to a target. */
export interface Onward {
  method: string
  /** Path and query. */
  url: string
  headers: string[] | Record<string, string | string[]>
  /** A whole body can be sent again; one that is a stream cannot. Null: there is none. */
  body: Buffer | Readable | null
  timeoutMs: number
  idleMs: number
}

export type Outcome =
  /** All of the answer is with the client. */
  | { did: 'answer'; status: number }
  /** The client went away, or the answer broke off when it had begun. */
  | { did: 'break' }
  /** Nothing came back. `sent`: the target may have received it. */
  | { did: 'fail'; sent: boolean; error: Error }

export interface Client {
  request: IncomingMessage
  response: ServerResponse
  /** The headers of the answer, as names and values in turn. */
  headersOf(raw: readonly (Buffer | string)[]): string[]
  /** An answer begins. */
  onStart(status: number): void
}

/**
 * Sends a request to a target and its answer to the client, as a stream in both directions, each as fast as the slower
 * side takes it. Never rejects.
 */
export function exchange(client: Client, upstream: Upstream, onward: Onward): Promise<Outcome> {
  return new Promise((resolve) => {
    const { method, url: path, headers, body, timeoutMs, idleMs } = onward
    const options: Dispatcher.DispatchOptions = {
      method,
      path,
      headers,
      body,
      headersTimeout: timeoutMs,
      bodyTimeout: idleMs,
    }
    const passing = new Passing(client, resolve)
    try {
      upstream.pool.dispatch(options, passing)
    } catch (error) {
      passing.onResponseError(null, error as Error)
    }
  })
}

/** What connections could not be made by: nothing was sent then. */
const unsentCodes = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
])

class Passing implements Dispatcher.DispatchHandler {
  readonly #client: Client
  readonly #resolve: (outcome: Outcome) => void
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #settled = false
  readonly #onClose = () => {
    this.#settle({ did: 'break' })
    this.#controller?.abort(new Error('the client went away'))
  }
  readonly #onDrain = () => this.#controller?.resume()

  constructor(client: Client, resolve: (outcome: Outcome) => void) {
    this.#client = client
    this.#resolve = resolve
    client.response.once('close', this.#onClose)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#settled) controller.abort(new Error('the client went away'))
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    _status: number,
    _headers: unknown,
    socket: Readable,
  ): void {
    // It was not asked to.
    socket.destroy()
    this.#fail(true, new Error('the target switched protocols'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#settled || status < 200) return
    const { response } = this.#client
    this.#status = status
    this.#client.onStart(status)
    const raw = (controller.rawHeaders ?? []) as (Buffer | string)[]
    response.sendDate = false
    response.writeHead(status, this.#client.headersOf(raw))
    response.on('drain', this.#onDrain)
    // With the first bytes, if they are here already; whoever waits for the first event of a stream is told anyway.
    setImmediate(() => {
      if (!this.#settled && !response.writableEnded) response.flushHeaders()
    })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#settled && !this.#client.response.write(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    if (this.#settled) return
    this.#client.response.end()
    this.#settle({ did: 'answer', status: this.#status })
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#settled) return
    if (this.#client.response.headersSent) {
      // Half an answer is not a whole one: the client sees that it broke off.
      this.#settle({ did: 'break' })
      this.#client.response.destroy()
      return
    }
    this.#fail(!unsentCodes.has(codeOf(error)), error)
  }

  #fail(sent: boolean, error: Error): void {
    this.#settle({ did: 'fail', sent, error })
  }

  #settle(outcome: Outcome): void {
    if (this.#settled) return
    this.#settled = true
    const { response } = this.#client
    response.off('close', this.#onClose)
    response.off('drain', this.#onDrain)
    this.#resolve(outcome)
  }
}

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '')

/** What a failure is to the client. */
export function problemOf(error: Error, { name, timeoutMs }: { name: string; timeoutMs: number }): AppError {
  if (error instanceof AppError) return error
  const code = codeOf(error)
  if (code === 'UND_ERR_HEADERS_TIMEOUT') {
    return new AppError('instance_timeout', { name, seconds: timeoutMs / 1000 })
  }
  if (unsentCodes.has(code)) return new AppError('no_instance', { name, reason: 'it does not take connections' })
  return new AppError('serving_failed', { name })
}
