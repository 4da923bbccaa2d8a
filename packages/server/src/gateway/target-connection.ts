import { connect, type Socket } from 'node:net'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { Chunks } from './chunks.ts'
import { type AnswerHead, readAnswerHead } from './head.ts'

/** A request as it is sent: its head, and its body, which is whole. */
export interface Sending {
  method: string
  /** With the empty line at its end; each character is a byte. */
  head: string
  body: Buffer | null
  /** Until an answer begins; and of silence within it. */
  timeoutMs: number
  idleMs: number
}

/** Hears of the answer to one request. After `onEnd` or `onFail` nothing more comes. */
export interface Hearer {
  onHead(head: AnswerHead): void
  onData(part: Buffer): void
  /** All that came with the head has been told of, and it is not all of the answer. */
  onPause(): void
  onEnd(): void
  /** `sent`: the target may have received the request. */
  onFail(error: Error, sent: boolean): void
}

export class TargetError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Where a connection comes from, and goes back to. */
export interface Home {
  clock: Clock
  /** It can take the next request. */
  onFree(connection: TargetConnection): void
  /** It is gone. */
  onGone(connection: TargetConnection): void
}

/**
 * A connection to a target: one request at a time, and the next one only after an answer that ended where it said, with
 * nothing behind it. Anything else ends it.
 */
export class TargetConnection {
  readonly #socket: Socket
  readonly #home: Home
  #hearer: Hearer | null = null
  #sending: Sending | null = null
  /** The beginning of a head. */
  #part: Buffer | null = null
  #head: AnswerHead | null = null
  #chunks: Chunks | null = null
  /** Bytes of the answer that are still to come. */
  #left = 0
  #isOpen = false
  #isPaused = false
  #isGone = false
  /** The moment at which it is given up, on the steady clock. */
  #until: number

  constructor(host: string, port: number, home: Home) {
    this.#home = home
    this.#until = home.clock.steady() + limits.gatewayConnectMs
    this.#socket = connect({ host, port, noDelay: true })
    this.#socket.once('connect', () => this.#onOpen())
    this.#socket.on('data', (bytes) => this.#onData(bytes))
    this.#socket.on('end', () => this.#onFarEnd())
    this.#socket.on('error', (error) => this.#give(error))
    this.#socket.on('close', () => this.#give(broken()))
  }

  /** Sends a request. Only for one that is new or free. */
  send(sending: Sending, hearer: Hearer): void {
    this.#sending = sending
    this.#hearer = hearer
    if (this.#isOpen) this.#write(sending)
  }

  /** Whether it may take a request still: it is closed in time, so that the other end does not do so first. */
  isFresh(now: number): boolean {
    return !this.#isGone && now < this.#until
  }

  /** The client takes no more for now. */
  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#until = this.#home.clock.steady() + (this.#sending?.idleMs ?? 0)
    this.#socket.resume()
  }

  /** Nobody wants the answer any more. */
  abandon(): void {
    this.#hearer = null
    this.#give(broken())
  }

  /** Ends it, whatever is under way. */
  end(): void {
    this.#give(broken())
  }

  /** Called now and then. A client that takes nothing is no fault of the target. */
  look(now: number): void {
    if (now < this.#until || this.#isPaused) return
    if (!this.#isOpen) this.#give(new TargetError('UND_ERR_CONNECT_TIMEOUT', 'the target does not take connections'))
    else if (this.#head === null) this.#give(new TargetError('UND_ERR_HEADERS_TIMEOUT', 'no answer began'))
    else this.#give(new TargetError('UND_ERR_BODY_TIMEOUT', 'the answer did not go on'))
  }

  #onOpen(): void {
    this.#isOpen = true
    if (this.#sending !== null) this.#write(this.#sending)
  }

  #write({ head, body, timeoutMs }: Sending): void {
    this.#until = this.#home.clock.steady() + timeoutMs
    if (body === null) {
      this.#socket.write(head, 'latin1')
      return
    }
    this.#socket.cork()
    this.#socket.write(head, 'latin1')
    this.#socket.write(body)
    this.#socket.uncork()
  }

  #onData(bytes: Buffer): void {
    // Nothing was asked: what comes would be taken for the answer to the next request.
    if (this.#hearer === null) this.#give(broken())
    else if (this.#head === null) this.#readHead(bytes)
    else {
      this.#until = this.#home.clock.steady() + this.#sending!.idleMs
      this.#readBody(this.#head, bytes)
    }
  }

  #readHead(more: Buffer): void {
    let bytes = this.#part === null ? more : Buffer.concat([this.#part, more])
    this.#part = null
    for (;;) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end === -1 && bytes.length <= limits.proxyHeaderBytes) {
        this.#part = bytes
        return
      }
      const isBounded = end !== -1 && end <= limits.proxyHeaderBytes
      const head = isBounded ? readAnswerHead(bytes.toString('latin1', 0, end + 2), this.#sending!.method) : null
      // It was not asked to speak another protocol.
      if (head === null || head.status === 101) {
        this.#give(broken())
        return
      }
      bytes = bytes.subarray(end + 4)
      if (head.status >= 200) {
        this.#begin(head, bytes)
        return
      }
    }
  }

  #begin(head: AnswerHead, rest: Buffer): void {
    this.#until = this.#home.clock.steady() + this.#sending!.idleMs
    this.#head = head
    this.#left = head.framing.by === 'length' ? head.framing.bytes : 0
    this.#chunks = head.framing.by === 'chunks' ? new Chunks() : null
    const hearer = this.#hearer!
    hearer.onHead(head)
    this.#readBody(head, rest)
    if (this.#hearer === hearer && this.#head === head) hearer.onPause()
  }

  #readBody({ framing }: AnswerHead, bytes: Buffer): void {
    if (framing.by === 'close') {
      if (bytes.length > 0) this.#hearer?.onData(bytes)
    } else if (framing.by === 'chunks') this.#readChunks(this.#chunks!, bytes)
    else {
      const part = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes
      this.#left -= part.length
      if (part.length > 0) this.#hearer?.onData(part)
      if (this.#left === 0) this.#end(bytes.length - part.length)
    }
  }

  #readChunks(chunks: Chunks, bytes: Buffer): void {
    if (bytes.length === 0) return
    const end = chunks.read(bytes, (part) => this.#hearer?.onData(part))
    if (end === null) this.#give(broken())
    else if (end !== -1) this.#end(bytes.length - end)
  }

  /** @param behind bytes that came after the answer */
  #end(behind: number): void {
    const hearer = this.#hearer
    const { isKept, keptMs } = this.#head!
    // What it did not wait for may still be under way to it.
    const isClean = isKept && behind === 0 && this.#socket.writableLength === 0 && !this.#isGone
    this.#hearer = null
    this.#sending = null
    this.#head = null
    this.#chunks = null
    if (this.#isPaused) this.resume()
    if (isClean) {
      this.#until = this.#home.clock.steady() + spareMs(keptMs)
      this.#home.onFree(this)
    } else this.#give(broken())
    hearer?.onEnd()
  }

  #onFarEnd(): void {
    if (this.#head?.framing.by === 'close') this.#end(0)
    this.#give(broken())
  }

  /** Ends it, and fails what is under way. */
  #give(error: Error): void {
    if (this.#isGone) return
    this.#isGone = true
    const hearer = this.#hearer
    this.#hearer = null
    this.#socket.destroy()
    this.#home.onGone(this)
    hearer?.onFail(error, this.#isOpen)
  }
}

/** Some time before the other end closes it, if that says when. */
const spareMs = (keptMs: number | null): number =>
  keptMs === null ? limits.gatewaySpareMs : Math.min(limits.gatewaySpareMostMs, Math.max(0, keptMs - 2000))

const broken = (): TargetError => new TargetError('BROKEN', 'the target broke off')
