import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { IncomingHttpHeaders } from 'node:http'
import type { Deps } from '../deps.ts'
import type { Caller } from '../kinds/kind.ts'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import type { Bounds } from './bounds.ts'

/** Tells who an API key speaks for. Throws AppError `unauthenticated` or `key_expired`. */
export type Authenticate = (key: string, deps: Deps) => Promise<Caller>

/**
 * The API key of a request: from `Authorization: Bearer …` or `X-API-Key`, and from nowhere else. A key in an address
 * would end up in histories and logs; one in a cookie would be sent along by pages of other sites.
 */
export function keyOf(headers: IncomingHttpHeaders): string | undefined {
  const bearer = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (bearer !== undefined) return bearer
  const header = headers['x-api-key']
  return typeof header === 'string' && header !== '' ? header : undefined
}

interface Bucket {
  tokens: number
  at: number
}

/**
 * Slows down guessing: each address may fail `authFailures` times in a row, and after that once every
 * `authFailureRefillMs`. A key that has worked before is let through all the same, so that one bad script does not
 * lock out everybody behind the same proxy. Memory is bounded; what is oldest is forgotten.
 */
export class FailureLimiter {
  readonly #clock: Clock
  readonly #bounds: Bounds
  readonly #buckets = new Map<string, Bucket>()
  readonly #known = new Set<string>()

  constructor(clock: Clock, bounds: Bounds) {
    this.#clock = clock
    this.#bounds = bounds
  }

  /** Looks up who `key` speaks for, unless `address` has failed too often: then AppError `too_many_failures`. */
  async check(address: string, key: string, authenticate: (key: string) => Promise<Caller>): Promise<Caller> {
    const network = networkOf(address)
    const digest = createHash('sha256').update(key).digest('base64')
    if (!this.#known.has(digest)) this.#takeToken(network)
    try {
      const caller = await authenticate(key)
      if (!this.#known.has(digest)) {
        remember(this.#known, digest, this.#bounds.authMemory)
        this.#giveBack(network)
      }
      return caller
    } catch (error) {
      if (!(error instanceof AppError)) this.#giveBack(network)
      throw error
    }
  }

  /** One token is taken before the look-up, so that many tries at once cannot all slip through. */
  #takeToken(network: string): void {
    const bucket = this.#refilled(network)
    if (bucket.tokens < 1) {
      const seconds = Math.ceil(((1 - bucket.tokens) * this.#bounds.authFailureRefillMs) / 1000)
      throw new AppError('too_many_failures', { seconds })
    }
    this.#buckets.delete(network)
    if (this.#buckets.size >= this.#bounds.authMemory) dropOldest(this.#buckets)
    this.#buckets.set(network, { ...bucket, tokens: bucket.tokens - 1 })
  }

  #giveBack(network: string): void {
    const bucket = this.#buckets.get(network)
    if (bucket) bucket.tokens = Math.min(this.#bounds.authFailures, bucket.tokens + 1)
  }

  #refilled(network: string): Bucket {
    const now = this.#clock.steady()
    const { tokens, at } = this.#buckets.get(network) ?? { tokens: this.#bounds.authFailures, at: now }
    const refill = (now - at) / this.#bounds.authFailureRefillMs
    return { tokens: Math.min(this.#bounds.authFailures, tokens + refill), at: now }
  }
}

/** Whoever has one IPv6 address has its whole /64. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) while (groups.length < 4) groups.push('0')
  return groups.slice(0, 4).join(':')
}

function remember(set: Set<string>, value: string, most: number): void {
  if (set.size >= most) dropOldest(set)
  set.add(value)
}

function dropOldest(entries: Map<string, unknown> | Set<string>): void {
  const [oldest] = entries.keys()
  if (oldest !== undefined) entries.delete(oldest)
}
