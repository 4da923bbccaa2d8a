import type { Socket } from 'node:net'
import { limits } from '../lib/limits.ts'
import { readRequestHead } from './head.ts'
import type { PlainDoor } from './plain-door.ts'
import { PlainRequest } from './plain-request.ts'

/**
 * A connection of a client whose requests have all been plain so far. The first one that is not goes to Node's own parser,
 * with the connection and all that has been read of it and not been answered, and so do all after it.
 *
 * Plain is: a head that arrives in one piece and is of the form that `head.ts` reads, a body of known and small length or
 * none, and an address that is the gateway's.
 */
export class PlainConnection {
  readonly socket: Socket
  readonly #door: PlainDoor
  /** What is under way. */
  #request: PlainRequest | null = null
  /** What came behind it. */
  #next: Buffer | null = null
  #isEnding = false
  /** The moment at which it is closed if nothing comes, on the steady clock. */
  #until: number
  readonly #onData = (bytes: Buffer) => this.#take(bytes)
  readonly #onEnd = () => this.socket.destroy()
  readonly #onError = () => this.socket.destroy()
  readonly #onClose = () => this.#leave()
  readonly #onDrain = () => this.#goOn()

  constructor(socket: Socket, door: PlainDoor) {
    this.socket = socket
    this.#door = door
    this.#until = door.now() + door.bounds.headersMs
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  /** No request is under way on it, and no answer. */
  get isIdle(): boolean {
    return this.#request === null && this.socket.writableLength === 0
  }

  /** Called now and then. */
  look(now: number): void {
    if (now >= this.#until) this.socket.destroy()
  }

  /** All of an answer is on its way. `isLast`: the client has been told that no other comes on this connection. */
  answered(isLast: boolean): void {
    this.#request = null
    if (isLast || this.#door.isEnding) {
      this.#end()
      return
    }
    if (this.socket.writableNeedDrain) {
      // Whoever does not read answers gets no more of them.
      this.#mayBeSilentFor('idleMs')
      this.socket.pause()
      this.socket.once('drain', this.#onDrain)
      return
    }
    if (this.#next === null) this.#mayBeSilentFor('keepAliveMs')
    else this.#goOn()
  }

  /** A plain close would reset the connection, and with it the answer, while the client is still sending. */
  #end(): void {
    this.#isEnding = true
    this.#mayBeSilentFor('idleMs')
    this.socket.end(() => this.#mayBeSilentFor('lingerMs'))
    this.socket.resume()
  }

  #mayBeSilentFor(bound: 'idleMs' | 'keepAliveMs' | 'lingerMs'): void {
    this.#until = this.#door.now() + this.#door.bounds[bound]
  }

  #goOn(): void {
    const next = this.#next
    this.#next = null
    this.#mayBeSilentFor('keepAliveMs')
    this.socket.resume()
    if (next !== null) this.#begin(next)
  }

  #take(bytes: Buffer): void {
    if (this.#isEnding) return
    if (this.#request === null) this.#begin(bytes)
    else this.#keep(this.#takeBody(this.#request, bytes))
  }

  #begin(bytes: Buffer): void {
    const { bounds } = this.#door
    const end = bytes.indexOf('\r\n\r\n')
    const head = end === -1 || end > bounds.headerBytes ? null : readRequestHead(bytes.toString('latin1', 0, end + 2))
    const request = head === null ? null : new PlainRequest(head, this, this.#door)
    const isSmall = (head?.bodyBytes ?? 0) <= limits.gatewayWholeBytes
    if (request === null || !isSmall || !this.#door.isOurs(request.request)) {
      this.#handOver(bytes)
      return
    }
    this.#request = request
    this.#keep(this.#takeBody(request, bytes.subarray(end + 4)))
    this.#door.serve(request)
  }

  /** Answers with what is not part of it. */
  #takeBody(request: PlainRequest, bytes: Buffer): Buffer {
    const rest = request.takeBody(bytes)
    if (request.isWhole) this.#until = Infinity
    else this.#mayBeSilentFor('idleMs')
    return rest
  }

  /** Requests are answered one after the other. */
  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#next = this.#next === null ? bytes : Buffer.concat([this.#next, bytes])
    this.socket.pause()
  }

  #leave(): void {
    this.#door.forget(this)
    this.#request?.abandon()
  }

  #handOver(bytes: Buffer): void {
    const { socket } = this
    this.#door.forget(this)
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('error', this.#onError)
    socket.off('close', this.#onClose)
    socket.pause()
    socket.unshift(bytes)
    this.#door.handOver(socket)
    socket.resume()
  }
}
