import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { type Hearer, type Home, type Sending, TargetConnection } from './target-connection.ts'

/** A request that has been given to a target: how to hold its answer up, and how to give it up. */
export interface Ticket {
  pause(): void
  resume(): void
  abandon(): void
}

/** The connections to one target that plain requests go through: those that are spare, the newest last. */
export class TargetConnections implements Home {
  readonly clock: Clock
  readonly #host: string
  readonly #port: number
  readonly #all = new Set<TargetConnection>()
  readonly #spare: TargetConnection[] = []
  readonly #waiting = new Set<Waiting>()
  #cancelLook: (() => void) | null = null

  constructor(host: string, port: number, clock: Clock) {
    this.#host = host
    this.#port = port
    this.clock = clock
  }

  /** Sends a request as soon as there is a connection for it. */
  send(sending: Sending, hearer: Hearer): Ticket {
    const connection = this.#take()
    if (connection) {
      connection.send(sending, hearer)
      return connection
    }
    const waiting = new Waiting(sending, hearer, this.#waiting)
    this.#waiting.add(waiting)
    return waiting
  }

  onFree(connection: TargetConnection): void {
    if (!this.#giveNext(() => connection)) this.#spare.push(connection)
  }

  onGone(connection: TargetConnection): void {
    this.#all.delete(connection)
    const at = this.#spare.indexOf(connection)
    if (at !== -1) this.#spare.splice(at, 1)
    this.#giveNext(() => this.#make())
  }

  /** Ends all of them, and fails what is under way. */
  close(): void {
    for (const waiting of this.#waiting) waiting.fail()
    for (const connection of this.#all) connection.end()
    this.#cancelLook?.()
    this.#cancelLook = null
  }

  #take(): TargetConnection | undefined {
    const now = this.clock.steady()
    for (let spare = this.#spare.pop(); spare; spare = this.#spare.pop()) {
      if (spare.isFresh(now)) return spare
      spare.abandon()
    }
    return this.#all.size < limits.gatewayConnections ? this.#make() : undefined
  }

  #make(): TargetConnection {
    const made = new TargetConnection(this.#host, this.#port, this)
    this.#all.add(made)
    if (this.#cancelLook === null) this.#armLook()
    return made
  }

  #giveNext(connection: () => TargetConnection): boolean {
    const [next] = this.#waiting
    next?.begin(connection())
    return next !== undefined
  }

  /** One timer for all of them: one for each request would cost more than sending it. */
  #armLook(): void {
    this.#cancelLook = this.clock.after(limits.gatewayTimeoutLookMs, () => {
      this.#cancelLook = null
      const now = this.clock.steady()
      for (const connection of this.#all) connection.look(now)
      if (this.#all.size > 0 && this.#cancelLook === null) this.#armLook()
    })
  }
}

/** A request for which there is no connection yet. */
class Waiting implements Ticket {
  readonly #sending: Sending
  readonly #hearer: Hearer
  readonly #line: Set<Waiting>
  #connection: TargetConnection | null = null

  constructor(sending: Sending, hearer: Hearer, line: Set<Waiting>) {
    this.#sending = sending
    this.#hearer = hearer
    this.#line = line
  }

  begin(connection: TargetConnection): void {
    this.#line.delete(this)
    this.#connection = connection
    connection.send(this.#sending, this.#hearer)
  }

  fail(): void {
    this.#line.delete(this)
    this.#hearer.onFail(new Error('the gateway ends'), false)
  }

  pause(): void {
    this.#connection?.pause()
  }

  resume(): void {
    this.#connection?.resume()
  }

  abandon(): void {
    this.#line.delete(this)
    this.#connection?.abandon()
  }
}
