import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { AppError } from '../lib/app-error.ts'
import { problemAnswer } from '../proxy/problem.ts'
import { tooLarge } from './body.ts'
import type { Caller } from './caller.ts'
import type { HeadersOf, Onward, Outcome } from './exchange.ts'
import type { PlainHead } from './head.ts'
import type { PlainConnection } from './plain-connection.ts'
import type { PlainDoor } from './plain-door.ts'
import { PlainExchange } from './plain-exchange.ts'
import type { Upstream } from './upstream.ts'

/** One plain request of a connection. */
export class PlainRequest implements Caller {
  readonly request: PlainHead & { socket: Socket }
  readonly #connection: PlainConnection
  readonly #door: PlainDoor
  #body: Buffer[] = []
  /** Bytes of the body that are still to come. */
  #left: number
  #onBody: (() => void) | null = null
  #exchange: PlainExchange | null = null
  #gone: AbortController | null = null
  #isLast: boolean
  #isAnswered = false

  constructor(head: PlainHead, connection: PlainConnection, door: PlainDoor) {
    const { method, url, rawHeaders, headers, bodyBytes, isKept } = head
    this.request = { method, url, rawHeaders, headers, bodyBytes, isKept, socket: connection.socket }
    this.#connection = connection
    this.#door = door
    this.#left = bodyBytes ?? 0
    this.#isLast = !isKept
  }

  get isGone(): boolean {
    return this.#connection.socket.destroyed
  }

  /** All of it has arrived. */
  get isWhole(): boolean {
    return this.#left === 0
  }

  goneSignal(): AbortSignal {
    this.#gone ??= new AbortController()
    if (this.isGone) this.#gone.abort()
    return this.#gone.signal
  }

  /** Silence is bounded as long as its body arrives, and not after that. */
  letIn(): void {}

  readBody(mostBytes: number): Promise<Buffer> | Buffer | null {
    const { bodyBytes } = this.request
    if (bodyBytes === null || bodyBytes === 0) return null
    if (bodyBytes > mostBytes) throw tooLarge(mostBytes)
    if (this.isWhole) return this.#wholeBody()
    return new Promise((resolve, reject) => {
      this.#onBody = () => {
        if (this.isWhole) resolve(this.#wholeBody())
        else reject(new Error('the client went away'))
      }
    })
  }

  exchange(upstream: Upstream, onward: Onward, headersOf: HeadersOf): Promise<Outcome> {
    if (this.isGone) return Promise.resolve({ did: 'break', startedAt: null })
    const { socket } = this.#connection
    const client = { socket, connectionLines: () => this.#connectionLines() }
    return new Promise((resolve) => {
      const settle = (outcome: Outcome) => {
        this.#exchange = null
        resolve(outcome)
        if (outcome.did === 'answer') this.#answered()
      }
      this.#exchange = new PlainExchange(client, upstream, onward, headersOf, this.#door.clock, settle)
    })
  }

  refuse(error: AppError, requestId: string): void {
    const { socket } = this.#connection
    if (this.isGone || this.#isAnswered) return
    // The rest of a body that nobody reads would be taken for the next request.
    if (!this.isWhole) this.#isLast = true
    const { status, headers, body } = problemAnswer(this.request, error)
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\nx-request-id: ${requestId}\r\n`
    for (const [name, value] of Object.entries(headers)) text += `${name}: ${value}\r\n`
    socket.cork()
    socket.write(`${text}${this.#connectionLines()}\r\n`, 'latin1')
    if (this.request.method !== 'HEAD') socket.write(body)
    socket.uncork()
    this.#answered()
  }

  /** Takes what is of its body, and answers with the rest. */
  takeBody(bytes: Buffer): Buffer {
    if (this.isWhole) return bytes
    const part = bytes.subarray(0, this.#left)
    if (part.length > 0) this.#body.push(part)
    this.#left -= part.length
    if (this.isWhole) this.#onBody?.()
    return bytes.subarray(part.length)
  }

  /** The client went away. */
  abandon(): void {
    this.#gone?.abort()
    this.#onBody?.()
    this.#exchange?.abandon()
  }

  #answered(): void {
    this.#isAnswered = true
    this.#connection.answered(this.#isLast)
  }

  #connectionLines(): string {
    if (this.#door.isEnding) this.#isLast = true
    return this.#isLast ? 'connection: close\r\n' : this.#door.keptLines
  }

  #wholeBody(): Buffer {
    return this.#body.length === 1 ? this.#body[0]! : Buffer.concat(this.#body)
  }
}
