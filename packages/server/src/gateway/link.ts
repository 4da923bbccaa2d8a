import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { ErrorCode } from '@nabla/api/errors'
import type { Logger } from 'pino'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import { randomText } from '../lib/ids.ts'
import { limits } from '../lib/limits.ts'
import { ownMark } from '../lib/process-mark.ts'
import type { Route } from './route.ts'
import { fromServer, type FromServer, placesIn, readMessages, type Report, routesMessage, sendMessage } from './wire.ts'

interface Found {
  teamId: string
  userName: string
}

interface Question {
  settle(found: Found | AppError): void
}

export interface LinkOptions {
  /** The data folder of the server. */
  data: string
  clock: Clock
  log: Pick<Logger, 'info' | 'warn'>
  onRoutes(routes: Route[]): void
}

/**
 * What a gateway of its own knows from the server: the routes, and who keys speak for. While the server is away it goes on
 * with what was known last; routes are also kept in the data folder, for gateways that start in that time.
 */
export class Link {
  readonly id = randomText(10)
  readonly #options: LinkOptions
  readonly #places: ReturnType<typeof placesIn>
  readonly #questions = new Map<number, Question>()
  /** What the server said of keys, by their hash, oldest first. */
  readonly #keys = new Map<string, { found: Found; at: number }>()
  readonly #waits = new Map<string, number>()
  #socket: Socket | null = null
  #applied = -1
  #asked = 0
  #closed = false
  #told = false

  constructor(options: LinkOptions) {
    this.#options = options
    this.#places = placesIn(options.data)
  }

  /** Resolves when there are routes, or when it is clear that there is no server to ask for them. */
  async open(): Promise<void> {
    // First of all: from here on the server waits for this gateway before it stops an instance.
    writeFileSync(join(this.#places.members, this.id), JSON.stringify(ownMark()), { mode: 0o600 })
    this.#readKept()
    await this.#connect()
  }

  /** The version of the routes that are in force; -1: not those of a server that runs. */
  get applied(): number {
    return this.#applied
  }

  report(report: Report): void {
    if (this.#socket) sendMessage(this.#socket, { report })
  }

  /** A request waits for a target: the server may have to start one. */
  wait(routeId: string): void {
    const now = this.#options.clock.steady()
    if (now - (this.#waits.get(routeId) ?? -Infinity) < limits.gatewayWaitMs) return
    if (this.#waits.size >= limits.gatewayKeys) this.#waits.clear()
    this.#waits.set(routeId, now)
    if (this.#socket) sendMessage(this.#socket, { wait: routeId })
  }

  /** Who a key speaks for: as the server says, or as it said last if it is away. Throws AppError. */
  async findKey(secret: string, address: string): Promise<Found> {
    const hash = createHash('sha256').update(secret).digest('base64')
    const found = await this.#ask(secret, address)
    const now = this.#options.clock.steady()
    if (found !== null) {
      this.#keys.delete(hash)
      if (found instanceof AppError) throw found
      if (this.#keys.size >= limits.gatewayKeys) this.#keys.delete(this.#keys.keys().next().value!)
      this.#keys.set(hash, { found, at: now })
      return found
    }
    const known = this.#keys.get(hash)
    if (known && now - known.at < limits.gatewayAwayMs) return known.found
    throw new AppError('gateway_alone')
  }

  close(): void {
    this.#closed = true
    this.#socket?.destroy()
    rmSync(join(this.#places.members, this.id), { force: true })
  }

  #readKept(): void {
    try {
      const { routes } = routesMessage.parse(JSON.parse(readFileSync(this.#places.routes, 'utf8')))
      this.#options.onRoutes(routes)
    } catch {
      // There was no server yet, or one of another release: the next one tells.
    }
  }

  /** Resolves with the first routes, or when the connection could not be made. */
  #connect(): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect(this.#places.socket)
      socket.on('error', () => socket.destroy())
      socket.once('connect', () => {
        this.#socket = socket
        sendMessage(socket, { hello: this.id })
      })
      readMessages(socket, fromServer, (message) => {
        this.#heed(message)
        resolve()
      })
      socket.once('close', () => {
        this.#left(socket)
        resolve()
      })
    })
  }

  #left(socket: Socket): void {
    if (this.#socket === socket) this.#socket = null
    this.#applied = -1
    for (const { settle } of this.#questions.values()) settle(new AppError('gateway_alone'))
    if (this.#closed) return
    if (!this.#told) this.#options.log.warn('the server is away; going on with what is known')
    this.#told = true
    this.#options.clock.after(limits.gatewayRetryMs, () => {
      if (!this.#closed) void this.#connect()
    })
  }

  #heed(message: FromServer): void {
    if ('routes' in message) {
      this.#applied = message.routes.version
      if (this.#told) this.#options.log.info('the server is there again')
      this.#told = false
      this.#options.onRoutes(message.routes.routes)
      return
    }
    const asked = this.#questions.get(message.question)
    if ('sender' in message) asked?.settle(message.sender)
    else asked?.settle(new AppError(message.refused.code as ErrorCode, message.refused.params))
  }

  /** Null: nobody answers. */
  #ask(secret: string, address: string): Promise<Found | AppError | null> {
    const socket = this.#socket
    if (!socket) return Promise.resolve(null)
    const question = this.#asked++
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(limits.gatewayAskMs, () => settle(null))
      const settle = (found: Found | AppError | null) => {
        cancel()
        this.#questions.delete(question)
        resolve(found instanceof AppError && found.code === 'gateway_alone' ? null : found)
      }
      this.#questions.set(question, { settle })
      sendMessage(socket, { question, secret, address })
    })
  }
}
