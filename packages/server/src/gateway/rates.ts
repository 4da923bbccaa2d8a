import { AppError } from '../lib/app-error.ts'
import { Attempts } from '../lib/attempts.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { Route } from './route.ts'

/** Counts the requests of each sender of a route that has a bound for them. */
export class Rates {
  readonly #clock: Clock
  readonly #routes = new Map<string, { of: string; attempts: Attempts }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes one request of a sender. Throws AppError `rate_exceeded`. */
  take({ id, name, rate }: Route, sender: string): void {
    if (rate === null) return
    const of = `${rate.perSecond} ${rate.burst}`
    let known = this.#routes.get(id)
    if (known?.of !== of) {
      const bounds = { most: rate.burst, refillMs: 1000 / rate.perSecond, memory: limits.authMemory }
      known = { of, attempts: new Attempts(this.#clock, bounds) }
      if (this.#routes.size >= limits.gatewayKeys) this.#routes.clear()
      this.#routes.set(id, known)
    }
    const seconds = known.attempts.take(sender)
    if (seconds > 0) throw new AppError('rate_exceeded', { name, rate: rate.perSecond, seconds })
  }
}
