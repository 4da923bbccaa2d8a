import type { Clock } from './clock.ts'

export interface AttemptBounds {
  /** How many one may make in a row. */
  most: number
  /** After that, one every so many milliseconds. */
  refillMs: number
  /** How many names are remembered; what is oldest is forgotten. */
  memory: number
}

interface Bucket {
  tokens: number
  at: number
}

/** Counts attempts by whatever makes them (an address, a name), and says when there were too many: a token bucket. */
export class Attempts {
  readonly #clock: Clock
  readonly #bounds: AttemptBounds
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Clock, bounds: AttemptBounds) {
    this.#clock = clock
    this.#bounds = bounds
  }

  /** Takes one before it is made, so that many at once cannot slip through. Answers the seconds to wait, 0 for none. */
  take(name: string): number {
    const bucket = this.#refilled(name)
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) * this.#bounds.refillMs) / 1000)
    this.#buckets.delete(name)
    if (this.#buckets.size >= this.#bounds.memory) this.#forgetOldest()
    this.#buckets.set(name, { ...bucket, tokens: bucket.tokens - 1 })
    return 0
  }

  /** It was none of those that count after all. */
  giveBack(name: string): void {
    const bucket = this.#buckets.get(name)
    if (bucket) bucket.tokens = Math.min(this.#bounds.most, bucket.tokens + 1)
  }

  #refilled(name: string): Bucket {
    const now = this.#clock.steady()
    const { tokens, at } = this.#buckets.get(name) ?? { tokens: this.#bounds.most, at: now }
    const refill = (now - at) / this.#bounds.refillMs
    return { tokens: Math.min(this.#bounds.most, tokens + refill), at: now }
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys()
    if (oldest !== undefined) this.#buckets.delete(oldest)
  }
}
