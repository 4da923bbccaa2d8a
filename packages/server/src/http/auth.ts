import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { IncomingHttpHeaders } from 'node:http'
import type { Deps } from '../deps.ts'
import type { Caller } from '../kinds/kind.ts'
import { AppError } from '../lib/app-error.ts'
import { Attempts } from '../lib/attempts.ts'
import type { Clock } from '../lib/clock.ts'
import type { Bounds } from './bounds.ts'

/** Tells who somebody is. Throws AppError. */
export interface Authenticate {
  /** By an API key: `unauthenticated` or `key_expired`. */
  key(key: string, deps: Deps): Promise<Caller>
  /** By the token of a session: `session_ended`. */
  session(token: string, deps: Deps): Promise<Caller>
}

/**
 * The API key of a request: from `Authorization: Bearer …` or `X-API-Key`, and from nowhere else. A key in an address
 * would end up in histories and logs; one in a cookie could be read by whoever has the browser's files.
 */
export function keyOf(headers: IncomingHttpHeaders): string | undefined {
  const bearer = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (bearer !== undefined) return bearer
  const header = headers['x-api-key']
  return typeof header === 'string' && header !== '' ? header : undefined
}

/**
 * Slows down guessing: each address may fail `authFailures` times in a row, and after that once every
 * `authFailureRefillMs`. A key that has worked before is let through all the same, so that one bad script does not
 * lock out everybody behind the same proxy. Memory is bounded; what is oldest is forgotten.
 */
export class FailureLimiter {
  readonly #attempts: Attempts
  readonly #memory: number
  readonly #known = new Set<string>()

  constructor(clock: Clock, { authFailures, authFailureRefillMs, authMemory }: Bounds) {
    this.#attempts = new Attempts(clock, { most: authFailures, refillMs: authFailureRefillMs, memory: authMemory })
    this.#memory = authMemory
  }

  /** Looks up who `key` speaks for, unless `address` has failed too often: then AppError `too_many_failures`. */
  async check(address: string, key: string, authenticate: (key: string) => Promise<Caller>): Promise<Caller> {
    const network = networkOf(address)
    const digest = createHash('sha256').update(key).digest('base64')
    if (!this.#known.has(digest)) {
      const seconds = this.#attempts.take(network)
      if (seconds > 0) throw new AppError('too_many_failures', { seconds })
    }
    try {
      const caller = await authenticate(key)
      if (!this.#known.has(digest)) {
        this.#remember(digest)
        this.#attempts.giveBack(network)
      }
      return caller
    } catch (error) {
      if (!(error instanceof AppError)) this.#attempts.giveBack(network)
      throw error
    }
  }

  #remember(digest: string): void {
    const [oldest] = this.#known
    if (this.#known.size >= this.#memory && oldest !== undefined) this.#known.delete(oldest)
    this.#known.add(digest)
  }
}

/** The network of an address: whoever has one IPv6 address has its whole /64. */
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) while (groups.length < 4) groups.push('0')
  return groups.slice(0, 4).join(':')
}
