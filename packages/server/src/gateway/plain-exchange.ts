import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { HeadersOf, Onward, Outcome } from './exchange.ts'
import type { AnswerHead } from './head.ts'
import type { Hearer } from './target-connection.ts'
import type { Ticket } from './target-connections.ts'
import type { Upstream } from './upstream.ts'

/** Where an answer goes. */
export interface PlainClient {
  socket: Socket
  /** What the head of an answer says of the connection: lines. */
  connectionLines(): string
}

/**
 * A plain request on its way to a target, and its answer on its way back, each as fast as the slower side takes it. What
 * goes out is written anew, head and framing: nothing that one side said of where a message ends reaches the other.
 */
export class PlainExchange implements Hearer {
  readonly #client: PlainClient
  readonly #revision: number
  readonly #headersOf: HeadersOf
  readonly #clock: Clock
  readonly #resolve: (outcome: Outcome) => void
  readonly #ticket: Ticket
  #status = 0
  #startedAt: number | null = null
  #isChunked = false
  /** The beginning of an answer, which is mostly all of it, as bytes: it goes out in one write. */
  #held: string | null = null
  #isSettled = false
  #onDrain: (() => void) | undefined

  constructor(
    client: PlainClient,
    upstream: Upstream,
    onward: Onward,
    headersOf: HeadersOf,
    clock: Clock,
    resolve: (outcome: Outcome) => void,
  ) {
    this.#client = client
    this.#revision = upstream.revision
    this.#headersOf = headersOf
    this.#clock = clock
    this.#resolve = resolve
    const { method, timeoutMs, idleMs } = onward
    // Bodies of plain requests are whole.
    const body = Buffer.isBuffer(onward.body) ? onward.body : null
    const sending = { method, head: requestText(onward, body), body, timeoutMs, idleMs }
    this.#ticket = upstream.connections.send(sending, this)
  }

  /** The client went away. */
  abandon(): void {
    if (this.#isSettled) return
    this.#ticket.abandon()
    this.#settle({ did: 'break', startedAt: this.#startedAt })
  }

  onHead({ status, rawHeaders, framing }: AnswerHead): void {
    this.#status = status
    this.#startedAt = this.#clock.steady()
    this.#isChunked = framing.by === 'chunks' || framing.by === 'close'
    const headers = linesOf(this.#headersOf(rawHeaders, this.#revision), status === 204)
    const coding = this.#isChunked ? 'transfer-encoding: chunked\r\n' : ''
    this.#held = `${statusLineOf(status)}${headers}${coding}${this.#client.connectionLines()}\r\n`
  }

  onPause(): void {
    if (this.#held !== null) soon(this)
  }

  onData(part: Buffer): void {
    // A chunk of no bytes would be the end.
    if (part.length === 0) return
    const isSmall = part.length <= limits.gatewayFirstBytes
    const before = this.#isChunked ? `${part.length.toString(16)}\r\n` : ''
    const after = this.#isChunked ? '\r\n' : ''
    // As a string it is joined to the head by us; as bytes it would be a second piece, which costs as much again.
    if (this.#held !== null && isSmall && this.#held.length <= limits.gatewayFirstBytes) {
      this.#held += before + part.toString('latin1') + after
      return
    }
    const { socket } = this.#client
    const held = this.#held ?? ''
    this.#held = null
    let takes: boolean
    if (this.#isChunked && isSmall) takes = socket.write(held + before + part.toString('latin1') + after, 'latin1')
    else {
      socket.cork()
      if (held !== '' || before !== '') socket.write(held + before, 'latin1')
      takes = socket.write(part)
      if (after !== '') takes = socket.write(after, 'latin1')
      socket.uncork()
    }
    if (!takes) this.#holdUp()
  }

  onEnd(): void {
    const end = (this.#held ?? '') + (this.#isChunked ? '0\r\n\r\n' : '')
    this.#held = null
    if (end !== '') this.#client.socket.write(end, 'latin1')
    this.#settle({ did: 'answer', status: this.#status, startedAt: this.#startedAt ?? 0 })
  }

  onFail(error: Error, sent: boolean): void {
    // Nothing went out: it may be sent again, or be refused.
    if (this.#startedAt === null || this.#held !== null) {
      this.#settle({ did: 'fail', sent, error })
      return
    }
    // Half an answer is not a whole one: the client sees that it broke off.
    this.#settle({ did: 'break', startedAt: this.#startedAt })
    this.#client.socket.destroy()
  }

  /** Nothing more came with the head: whoever waits for the first event of a stream is to have what there is. */
  flush(): void {
    if (this.#isSettled || this.#held === null) return
    const takes = this.#client.socket.write(this.#held, 'latin1')
    this.#held = null
    if (!takes) this.#holdUp()
  }

  #holdUp(): void {
    this.#ticket.pause()
    if (this.#onDrain) return
    this.#onDrain = () => this.#ticket.resume()
    this.#client.socket.on('drain', this.#onDrain)
  }

  #settle(outcome: Outcome): void {
    this.#isSettled = true
    this.#held = null
    if (this.#onDrain) this.#client.socket.off('drain', this.#onDrain)
    this.#resolve(outcome)
  }
}

function statusLineOf(status: number): string {
  return status === 200 ? 'HTTP/1.1 200 OK\r\n' : `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`
}

const mayCarry = new Set(['POST', 'PUT', 'PATCH'])

function requestText({ method, url, headers }: Onward, body: Buffer | null): string {
  const bytes = body === null ? (mayCarry.has(method) ? 0 : null) : body.length
  const length = bytes === null ? '' : `content-length: ${bytes}\r\n`
  return `${method} ${url} HTTP/1.1\r\n${linesOf(headers, false)}${length}connection: keep-alive\r\n\r\n`
}

/** @param isBare an answer that has no body, nor the length of one */
function linesOf(headers: readonly string[], isBare: boolean): string {
  let text = ''
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (isBare && headers[i]!.toLowerCase() === 'content-length') continue
    text += `${headers[i]!}: ${headers[i + 1]!}\r\n`
  }
  return text
}

/** Answers that have begun in this turn of the loop, and have not ended with their first bytes. One look at all of them is cheaper than one for each. */
let begun: PlainExchange[] = []

function soon(exchange: PlainExchange): void {
  begun.push(exchange)
  if (begun.length > 1) return
  setImmediate(() => {
    const all = begun
    begun = []
    for (const one of all) one.flush()
  })
}
