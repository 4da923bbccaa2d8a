import type { Readable } from 'node:stream'
import { execChannels, type ExecEvent, type ExecRequest } from '@nabla/api/exec'
import type { WebSocket } from 'ws'
import type { ExecProcess } from '../engines/engine.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { Scrollback } from './scrollback.ts'

/** Closed by us, as agreed. */
const normalClosure = 1000

/**
 * One program in a task and the connection of whoever began it. When that is lost, the program runs on for some minutes
 * and what it writes is kept, in bounds, until the same person connects again. Messages: `@nabla/api/exec`.
 */
export class ExecSession {
  readonly id: string
  readonly userId: string
  /** Settles with the exit code when the program has ended. */
  readonly ended: Promise<number>
  readonly #program: ExecProcess
  readonly #clock: Clock
  readonly #scrollback = new Scrollback(limits.execScrollbackBytes)
  #socket: WebSocket | null = null
  #code: number | null = null
  #forget: () => void = () => {}
  #cancelForget: () => void = () => {}

  /** `forget` is called when nobody can connect to it any more. */
  constructor(given: { id: string; userId: string; program: ExecProcess; clock: Clock; forget: () => void }) {
    this.id = given.id
    this.userId = given.userId
    this.#program = given.program
    this.#clock = given.clock
    this.#forget = given.forget
    const { output, errors, input, exit } = given.program
    input.on('error', () => {})
    const read = [this.#read(output, execChannels.output), this.#read(errors, execChannels.errors)]
    this.ended = Promise.all([exit, ...read]).then(([code]) => this.#end(code))
  }

  /** Gives it a connection, in place of one that it may have. `received`: bytes that have arrived there before. */
  attach(socket: WebSocket, received: number | null): void {
    this.#cancelForget()
    const before = this.#socket
    this.#socket = socket
    before?.close(normalClosure)
    socket.once('close', (code) => this.#detach(socket, code))
    if (received === null) this.#say({ type: 'started', session: this.id })
    const { from, pieces } = this.#scrollback.after(received ?? 0)
    if (received !== null) this.#say({ type: 'attached', session: this.id, from })
    for (const piece of pieces) socket.send(piece)
    this.#resume()
    if (this.#code !== null) this.#sayEnd(this.#code)
  }

  /** What the program is to read. */
  feed(data: Buffer): void {
    const { input } = this.#program
    const socket = this.#socket
    if (!input.writable || input.write(data) || !socket) return
    socket.pause()
    input.once('drain', () => socket.resume())
  }

  obey(request: Exclude<ExecRequest, { type: 'start' | 'attach' }>): void {
    if (request.type === 'resize') this.#program.resize(request.columns, request.rows)
    else if (request.type === 'eof') this.#program.input.end()
    else this.kill()
  }

  /** Ends the program, and with it the session. */
  kill(): void {
    this.#program.kill()
  }

  /** A connection that was lost may come back; one that was closed is not expected to. */
  #detach(socket: WebSocket, code: number): void {
    if (this.#socket !== socket) return
    this.#socket = null
    this.#resume()
    if (this.#code !== null && code === normalClosure) this.#forget()
    else if (code === normalClosure) this.kill()
    this.#cancelForget = this.#clock.after(limits.execKeptMs, () => {
      this.kill()
      this.#forget()
    })
  }

  /** Resolves when all of it has been read: the last words come before the end. */
  #read(stream: Readable, channel: number): Promise<void> {
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => {
      // A terminal writes many small pieces: each goes on at once, since somebody waits for it.
      const piece = Buffer.allocUnsafe(chunk.length + 1)
      piece[0] = channel
      chunk.copy(piece, 1)
      this.#scrollback.push(piece)
      const socket = this.#socket
      if (!socket) return
      socket.send(piece, () => this.#resume())
      if (socket.bufferedAmount > limits.execPendingBytes) stream.pause()
    })
    return new Promise((resolve) => {
      stream.once('end', resolve)
      stream.once('close', resolve)
    })
  }

  /** The program waits for a slow connection; without any it runs on. */
  #resume(): void {
    if (this.#socket && this.#socket.bufferedAmount > limits.execPendingBytes / 2) return
    for (const stream of [this.#program.output, this.#program.errors]) if (stream.isPaused()) stream.resume()
  }

  #end(code: number): number {
    this.#code = code
    if (this.#socket) this.#sayEnd(code)
    return code
  }

  #sayEnd(code: number): void {
    this.#say({ type: 'exited', code })
    this.#socket?.close(normalClosure)
  }

  #say(event: ExecEvent): void {
    this.#socket?.send(JSON.stringify(event))
  }
}
