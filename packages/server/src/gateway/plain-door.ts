import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../lib/clock.ts'
import type { Caller, RequestHead } from './caller.ts'
import type { Gateway } from './gateway.ts'
import { PlainConnection } from './plain-connection.ts'

export interface DoorBounds {
  headerBytes: number
  /** Until the first request of a connection begins. */
  headersMs: number
  /** How often connections are looked through. */
  headersCheckMs: number
  /** Of silence within a request. */
  idleMs: number
  /** Until the next request begins. */
  keepAliveMs: number
  /** For a client to read the last answer. */
  lingerMs: number
}

export interface DoorOptions {
  clock: Clock
  bounds: DoorBounds
  /** Whether a request that the gateway claims may go to it, by the name of the host. */
  isOurs(request: RequestHead): boolean
}

/**
 * Stands before Node's own parser of a server: requests for the gateway that are plain are read here, in little more
 * than half of the time. All others, and all that comes after them on the same connection, are left to it.
 */
export function openPlainDoor(server: Server, gateway: Pick<Gateway, 'claims' | 'serve'>, options: DoorOptions): void {
  const door = new PlainDoor(server, gateway, options)
  const closeIdle = server.closeIdleConnections.bind(server)
  const closeAll = server.closeAllConnections.bind(server)
  server.closeIdleConnections = () => {
    closeIdle()
    door.close(({ isIdle }) => isIdle)
  }
  server.closeAllConnections = () => {
    closeAll()
    door.close(() => true)
  }
}

export class PlainDoor {
  readonly clock: Clock
  readonly bounds: DoorBounds
  /** What an answer says of a connection that is kept: lines. */
  readonly keptLines: string
  readonly #isOurs: DoorOptions['isOurs']
  readonly #gateway: Pick<Gateway, 'claims' | 'serve'>
  readonly #server: Server
  readonly #toNode: (socket: Socket) => void
  readonly #connections = new Set<PlainConnection>()
  #isLooking = false

  constructor(server: Server, gateway: Pick<Gateway, 'claims' | 'serve'>, { clock, bounds, isOurs }: DoorOptions) {
    this.clock = clock
    this.bounds = bounds
    this.#isOurs = isOurs
    this.#gateway = gateway
    this.#server = server
    this.keptLines = `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(bounds.keepAliveMs / 1000)}\r\n`
    const [own] = server.listeners('connection')
    this.#toNode = (socket) => void own!.call(server, socket)
    server.removeListener('connection', own as () => void)
    server.on('connection', (socket) => this.#enter(socket))
  }

  /** The server takes no more connections: answers are the last of theirs. */
  get isEnding(): boolean {
    return !this.#server.listening
  }

  /** Whether a request goes to the gateway. */
  isOurs(request: RequestHead): boolean {
    return this.#gateway.claims(request) && this.#isOurs(request)
  }

  serve(caller: Caller): void {
    this.#gateway.serve(caller)
  }

  now(): number {
    return this.clock.steady()
  }

  forget(connection: PlainConnection): void {
    this.#connections.delete(connection)
  }

  handOver(socket: Socket): void {
    this.#toNode(socket)
  }

  close(which: (connection: PlainConnection) => boolean): void {
    for (const connection of this.#connections) if (which(connection)) connection.socket.destroy()
  }

  #enter(socket: Socket): void {
    this.#connections.add(new PlainConnection(socket, this))
    if (!this.#isLooking) this.#armLook()
  }

  /** One timer for all of them, as long as there are any. */
  #armLook(): void {
    this.#isLooking = true
    this.clock.after(this.bounds.headersCheckMs, () => {
      const now = this.now()
      for (const connection of this.#connections) connection.look(now)
      this.#isLooking = false
      if (this.#connections.size > 0) this.#armLook()
    })
  }
}
