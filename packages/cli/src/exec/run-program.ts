import type { ReadStream } from 'node:tty'
import { calls } from '@nabla/api/calls'
import { execChannels, type ExecEvent, execEvent, type ExecRequest, type ExecStart } from '@nabla/api/exec'
import type { RawData, WebSocket } from 'ws'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { openSocket, toCliError } from './connection.ts'

/** Times that a lost connection is made again, and the pause before each, in milliseconds. */
const reconnects = 8
const reconnectMs = 500
/** Closed as agreed. */
const normalClosure = 1000

/**
 * Runs a program inside a job, with the streams of this process as its own, and returns its exit code. With a terminal
 * keys go there as they are, Ctrl-C too. A connection that is lost is made again. Throws CliError.
 */
export async function runProgram(
  context: Context,
  job: string,
  start: Omit<ExecStart, 'type'>,
  readInput: boolean,
): Promise<number> {
  const program = new RemoteProgram(context, job, start, readInput)
  const { stdin, stdout } = context.io
  const terminal = start.tty ? (stdin as Partial<ReadStream>) : {}
  const resize = () => program.resize()
  terminal.setRawMode?.(true)
  if (start.tty) (stdout as unknown as NodeJS.WriteStream).on?.('resize', resize)
  const forgetInterrupt = context.io.onInterrupt(() => program.interrupt())
  try {
    return await program.run()
  } finally {
    forgetInterrupt()
    terminal.setRawMode?.(false)
    if (start.tty) (stdout as unknown as NodeJS.WriteStream).off?.('resize', resize)
    stdin.pause()
  }
}

/** Columns and rows of the terminal on standard output. */
export function sizeOf({ io }: Context): { columns: number; rows: number } {
  const { columns = 80, rows = 24 } = io.stdout as Partial<NodeJS.WriteStream>
  return { columns: clamp(columns), rows: clamp(rows) }
}

const clamp = (cells: number): number => Math.min(1000, Math.max(1, cells))

class RemoteProgram {
  readonly #context: Context
  readonly #job: string
  readonly #start: Omit<ExecStart, 'type'>
  readonly #readInput: boolean
  readonly #done = Promise.withResolvers<number>()
  #socket: WebSocket | null = null
  #session: string | null = null
  #received = 0
  #isReading = false

  constructor(context: Context, job: string, start: Omit<ExecStart, 'type'>, readInput: boolean) {
    this.#context = context
    this.#job = job
    this.#start = start
    this.#readInput = readInput
  }

  async run(): Promise<number> {
    await this.#connect()
    return this.#done.promise
  }

  resize(): void {
    this.#say({ type: 'resize', ...sizeOf(this.#context) })
  }

  /** Without a terminal a Ctrl-C ends the program; with one it is a key like others. */
  interrupt(): void {
    this.#say({ type: 'end' })
    this.#socket?.close(normalClosure)
    this.#done.resolve(exitCodes.interrupted.code)
  }

  async #connect(): Promise<void> {
    const socket = await openSocket(this.#context, calls.job.exec, { job: this.#job })
    this.#socket = socket
    socket.on('message', (data, isBinary) => this.#take(data, isBinary))
    socket.once('close', (code) => {
      if (code !== normalClosure) this.#reconnect().catch((error: unknown) => this.#done.reject(error as Error))
    })
    socket.on('error', () => {})
    if (this.#session === null) this.#say({ type: 'start', ...this.#start })
    else this.#say({ type: 'attach', session: this.#session, received: this.#received })
  }

  async #reconnect(): Promise<void> {
    if (this.#session === null) throw new CliError('The connection was lost.', 'Try again.', 'unreachable')
    for (let tries = 1; ; tries++) {
      await new Promise((resolve) => setTimeout(resolve, reconnectMs * tries))
      try {
        await this.#connect()
        return
      } catch (error) {
        if (tries === reconnects || !(error instanceof CliError) || error.reason !== 'unreachable') throw error
      }
    }
  }

  #take(data: RawData, isBinary: boolean): void {
    const bytes = data as Buffer
    if (!isBinary) {
      this.#hear(execEvent.parse(JSON.parse(bytes.toString())))
      return
    }
    this.#received += bytes.length
    const { stdout, stderr } = this.#context.io
    const sink = bytes[0] === execChannels.errors ? stderr : stdout
    // Whoever reads our output slowly holds up the program, and not this memory.
    if (!sink.write(bytes.subarray(1))) {
      this.#socket?.pause()
      ;(sink as unknown as NodeJS.WriteStream).once('drain', () => this.#socket?.resume())
    }
  }

  #hear(event: ExecEvent): void {
    if (event.type === 'started') {
      this.#session = event.session
      this.#read()
    } else if (event.type === 'exited') this.#done.resolve(event.code)
    else if (event.type === 'failed') this.#done.reject(toCliError(statusOf(event.error.code), event.error))
  }

  #read(): void {
    if (this.#isReading) return
    this.#isReading = true
    if (!this.#readInput) {
      this.#say({ type: 'eof' })
      return
    }
    const { stdin } = this.#context.io
    stdin.on('data', (chunk: Buffer | string) => {
      const socket = this.#socket
      socket?.send(Buffer.from(chunk), () => stdin.resume())
      if (socket && socket.bufferedAmount > 1 << 20) stdin.pause()
    })
    stdin.once('end', () => this.#say({ type: 'eof' }))
    stdin.resume()
  }

  #say(request: ExecRequest): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(request))
  }
}

/** What the server answers such an error with, where a request gets it: the exit code follows from that. */
const statusOf = (code: string): number => (code === 'exec_ended' ? 404 : 422)
