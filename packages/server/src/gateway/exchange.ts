import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { Upstream } from './upstream.ts'

/** One request on its way to a target. */
export interface Onward {
  method: string
  /** Path and query. */
  url: string
  /** Names and values in turn. */
  headers: string[]
  /** A whole body can be sent again; one that is a stream cannot. Null: there is none. */
  body: Buffer | Readable | null
  timeoutMs: number
  idleMs: number
}

export type Outcome =
  /** All of the answer is with the client; its beginning came at `startedAt` on the steady clock. */
  | { did: 'answer'; status: number; startedAt: number }
  /** The client went away, or the answer broke off when it had begun; null: it had not. */
  | { did: 'break'; startedAt: number | null }
  /** Nothing came back. `sent`: the target may have received it. */
  | { did: 'fail'; sent: boolean; error: Error }

/** The headers of the answer of a revision, for the client. Both are names and values in turn. */
export type HeadersOf = (raw: readonly (Buffer | string)[], revision: number) => string[]

export interface Client {
  response: ServerResponse
  headersOf: HeadersOf
}

/**
 * Sends a request to a target and its answer to the client, as a stream in both directions, each as fast as the slower
 * side takes it. Never rejects.
 */
export function exchange(client: Client, upstream: Upstream, onward: Onward, clock: Clock): Promise<Outcome> {
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
    const passing = new Passing(client, upstream.revision, clock, resolve)
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
  readonly #revision: number
  readonly #clock: Clock
  readonly #resolve: (outcome: Outcome) => void
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #startedAt: number | null = null
  /** The beginning of an answer, which is mostly all of it: it goes out with the head, in one write. */
  #first: Buffer | null = null
  /** Nothing of the answer is on its way to the client yet. */
  #holdsHead = true
  #settled = false
  readonly #onClose = () => {
    this.#settle({ did: 'break', startedAt: this.#startedAt })
    this.#controller?.abort(new Error('the client went away'))
  }
  #onDrain: (() => void) | undefined

  constructor(client: Client, revision: number, clock: Clock, resolve: (outcome: Outcome) => void) {
    this.#client = client
    this.#revision = revision
    this.#clock = clock
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
    this.#startedAt = this.#clock.steady()
    const raw = (controller.rawHeaders ?? []) as (Buffer | string)[]
    response.sendDate = false
    response.writeHead(status, this.#client.headersOf(raw, this.#revision))
    soon(this)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return
    if (this.#holdsHead && this.#first === null && chunk.length <= limits.gatewayFirstBytes) this.#first = chunk
    else this.#write(controller, chunk)
  }

  onResponseEnd(): void {
    if (this.#settled) return
    const { response } = this.#client
    // As a string it is joined to the head by Node; as bytes it would be a second piece, which costs as much again.
    if (this.#first === null) response.end()
    else response.end(this.#first.toString('latin1'), 'latin1')
    this.#first = null
    this.#settle({ did: 'answer', status: this.#status, startedAt: this.#startedAt ?? 0 })
  }

  /** Nothing more came with the head: whoever waits for the first event of a stream is to have what there is. */
  flush(): void {
    if (this.#settled || !this.#holdsHead) return
    const { response } = this.#client
    if (this.#first === null) {
      this.#holdsHead = false
      response.flushHeaders()
    } else this.#write(this.#controller!, null)
  }

  #write(controller: Dispatcher.DispatchController, chunk: Buffer | null): void {
    const { response } = this.#client
    const first = this.#first
    this.#first = null
    this.#holdsHead = false
    let takes = true
    if (first !== null) takes = response.write(first)
    if (chunk !== null) takes = response.write(chunk)
    if (takes) return
    controller.pause()
    if (this.#onDrain) return
    this.#onDrain = () => this.#controller?.resume()
    response.on('drain', this.#onDrain)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#settled) return
    if (this.#client.response.headersSent) {
      // Half an answer is not a whole one: the client sees that it broke off.
      this.#settle({ did: 'break', startedAt: this.#startedAt })
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
    if (this.#onDrain) response.off('drain', this.#onDrain)
    this.#resolve(outcome)
  }
}

/** Answers that have begun in this turn of the loop. One look at all of them is cheaper than one for each. */
let begun: Passing[] = []

function soon(passing: Passing): void {
  begun.push(passing)
  if (begun.length > 1) return
  setImmediate(() => {
    const all = begun
    begun = []
    for (const one of all) one.flush()
  })
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
