import type { HealthCheck, HealthChecks } from '@nabla/api/deployment'
import type { Address } from '../../engines/engine.ts'
import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { type Health, judge, probe, unknownHealth } from './probe.ts'

/** What is asked of one run of an instance. */
export interface Probed {
  address: Address
  checks: HealthChecks
  /** It was ready when it was looked at last. */
  wasReady: boolean
}

/** Asks one instance again and again how it is, and tells what changed. */
export class Prober {
  readonly #clock: Clock
  readonly #probed: Probed
  readonly #onChange: (health: Health) => void
  #health: Health
  #cancels = new Map<string, () => void>()
  #stopped = false

  constructor(clock: Clock, probed: Probed, onChange: (health: Health) => void) {
    this.#clock = clock
    this.#probed = probed
    this.#onChange = onChange
    this.#health = unknownHealth(probed.wasReady)
    const { startup } = probed.checks
    if (startup !== null && !probed.wasReady) this.#ask('startup', startup)
    else this.#begin()
  }

  stop(): void {
    this.#stopped = true
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }

  #begin(): void {
    const { readiness, liveness } = this.#probed.checks
    this.#ask('readiness', readiness)
    if (liveness !== null) this.#ask('liveness', liveness)
  }

  #ask(name: 'startup' | 'readiness' | 'liveness', check: HealthCheck): void {
    void probe(this.#probed.address, check, this.#clock).then((good) => {
      if (this.#stopped) return
      const before = this.#health
      this.#health = judge(before, this.#probed.checks, { [name]: good })
      const { isReady, isDead, isUp } = this.#health
      if (isReady !== before.isReady || isDead !== before.isDead) this.#onChange(this.#health)
      if (isDead) return
      if (name === 'startup' && isUp) {
        this.#begin()
        return
      }
      this.#cancels.set(
        name,
        this.#clock.after(this.#pauseMs(name, check), () => this.#ask(name, check)),
      )
    })
  }

  /** Until it is ready for the first time it is asked more often: a rollout waits for that. */
  #pauseMs(name: string, { periodSeconds }: HealthCheck): number {
    const pauseMs = periodSeconds * 1000
    return name === 'readiness' && !this.#health.isReady ? Math.min(pauseMs, limits.probeStartMs) : pauseMs
  }
}
