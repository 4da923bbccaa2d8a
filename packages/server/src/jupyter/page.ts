import type { WebSocket } from 'ws'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { type WireFormat, type WireMessage, writeMessage } from './wire.ts'

/** What has to wait while a page is slow. */
export interface Pausable {
  hold(who: object): void
  release(who: object): void
}

/** No word was said: RFC 6455, section 7.4.1. */
const closedAbnormally = 1006

/** A page of a browser, or another client, and its connection: while that is lost, some of what it misses is kept. */
export class Page {
  readonly session: string
  readonly #clock: Clock
  readonly #source: Pausable
  #socket: WebSocket | null = null
  #format: WireFormat = 'default'
  #missed: WireMessage[] = []
  #missedBytes = 0
  #leftAt = 0
  #wasCut = false
  #cancelCut: (() => void) | null = null

  constructor(session: string, clock: Clock, source: Pausable) {
    this.session = session
    this.#clock = clock
    this.#source = source
  }

  get isOpen(): boolean {
    return this.#socket !== null
  }

  /** Whether it has been away for so long that it will not come back. */
  get isLost(): boolean {
    return !this.isOpen && this.#clock.steady() - this.#leftAt > limits.jupyterMissedMs
  }

  /** Whether its connection was lost in a way after which pages connect again by themselves, and may yet do so. */
  get mayReturn(): boolean {
    return !this.isOpen && this.#wasCut && this.#clock.steady() - this.#leftAt < limits.jupyterReturnMs
  }

  /** Gives it a connection, in place of one that it may have, and sends what it has missed. */
  open(socket: WebSocket, format: WireFormat): void {
    const before = this.#socket
    this.#settle()
    this.#socket = socket
    this.#format = format
    before?.terminate()
    const missed = this.#missed.splice(0)
    this.#missedBytes = 0
    for (const message of missed) this.send(message)
    this.#keepAlive(socket)
  }

  /** Whether this was its connection, and it has none now. `code`: with which it was closed. */
  leave(socket: WebSocket, code: number): boolean {
    if (this.#socket !== socket) return false
    this.#wasCut = code === closedAbnormally
    this.#settle()
    this.#socket = null
    this.#leftAt = this.#clock.steady()
    return true
  }

  /** Closes its connection, in a way after which a page tries again. */
  cut(): void {
    this.#socket?.terminate()
  }

  send(message: WireMessage): void {
    const socket = this.#socket
    if (!socket) return
    const data = writeMessage(message, this.#format)
    socket.send(data, () => {
      if (socket === this.#socket && socket.bufferedAmount <= limits.jupyterPendingBytes) this.#settle()
    })
    if (socket.bufferedAmount <= limits.jupyterPendingBytes || this.#cancelCut) return
    this.#source.hold(this)
    this.#cancelCut = this.#clock.after(limits.jupyterPendingMs, () => this.cut())
  }

  /** Keeps a message for when it is back. Whoever misses too much gets none of it, as after a reload. */
  miss(message: WireMessage): void {
    this.#missedBytes += message.parts.reduce((sum, part) => sum + part.length, 0)
    if (this.#missedBytes > limits.jupyterMissedBytes) this.#missed = []
    else this.#missed.push(message)
  }

  #settle(): void {
    this.#cancelCut?.()
    this.#cancelCut = null
    this.#source.release(this)
  }

  /** One whose other end is gone without a word is found out, so that what comes is kept for it. */
  #keepAlive(socket: WebSocket): void {
    let answered = true
    socket.on('pong', () => (answered = true))
    const beat = () => {
      if (socket !== this.#socket) return
      if (!answered) {
        socket.terminate()
        return
      }
      answered = false
      socket.ping()
      this.#clock.after(limits.socketPingMs, beat)
    }
    this.#clock.after(limits.socketPingMs, beat)
  }
}
