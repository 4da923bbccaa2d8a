import { createHash, timingSafeEqual } from 'node:crypto'
import { AppError } from '../lib/app-error.ts'
import { Attempts } from '../lib/attempts.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { RequestHead } from './caller.ts'
import type { Route } from './route.ts'

/** Who sends a request, as far as that is known. */
export interface Sender {
  /** Their team; undefined: no key was given. */
  teamId: string | undefined
  user: string | undefined
  /** For what is counted of each: the key, or the address. */
  name: string
}

/** Tells who a key speaks for, by what the database says now. Throws AppError. */
export type FindKey = (secret: string, address: string) => Promise<{ teamId: string; userName: string }>

/**
 * Lets requests in by keys, or by names and passwords. What the database said of a key is good for a second: a key that
 * is revoked is refused after that, and a busy one costs no query for each request.
 */
export class Admission {
  readonly #clock: Clock
  readonly #findKey: FindKey
  readonly #known = new Map<string, { sender: Sender; until: number }>()
  /** Keys that are being asked for: a burst asks once. */
  readonly #asking = new Map<string, Promise<Sender>>()
  readonly #failures: Attempts

  constructor(clock: Clock, findKey: FindKey) {
    this.#clock = clock
    this.#findKey = findKey
    const { authFailures: most, authFailureRefillMs: refillMs, authMemory: memory } = limits
    this.#failures = new Attempts(clock, { most, refillMs, memory })
  }

  /** Who sends a request. Answers at once for a key that was asked for a moment ago. Throws AppError. */
  senderOf({ headers, socket }: RequestHead): Sender | Promise<Sender> {
    const secret = keyOf(headers)
    const address = socket.remoteAddress ?? ''
    if (secret === undefined) return { teamId: undefined, user: undefined, name: address }
    const known = this.#known.get(secret)
    if (known && known.until > this.#clock.steady()) return known.sender
    let asking = this.#asking.get(secret)
    if (!asking) {
      asking = this.#ask(secret, address).finally(() => this.#asking.delete(secret))
      this.#asking.set(secret, asking)
    }
    return asking
  }

  /** Refuses who may not. Throws AppError `deployment_login`, `not_served`, `too_many_failures`. */
  assertMay(route: Route, sender: Sender, { headers, socket }: RequestHead): void {
    const { access } = route
    if (access.kind === 'public') return
    if (sender.teamId !== undefined) {
      if (sender.teamId === route.teamId) return
      throw new AppError('not_served')
    }
    if (access.kind === 'basic' && headers.authorization !== undefined) {
      const address = socket.remoteAddress ?? ''
      const seconds = this.#failures.take(address)
      if (seconds > 0) throw new AppError('too_many_failures', { seconds })
      if (isSame(headers.authorization, access.digest)) {
        this.#failures.giveBack(address)
        return
      }
    }
    throw new AppError('deployment_login', { name: route.name })
  }

  async #ask(secret: string, address: string): Promise<Sender> {
    const { teamId, userName } = await this.#findKey(secret, address)
    const sender = { teamId, user: userName, name: `key ${digestOf(secret).toString('base64')}` }
    if (this.#known.size >= limits.gatewayKeys) this.#known.clear()
    this.#known.set(secret, { sender, until: this.#clock.steady() + limits.gatewayKeyMs })
    return sender
  }
}

/** An API key has one form: other tokens are for whatever is served. */
const ownKey = /^nabla_[0-9a-z]{32}$/

function keyOf(headers: RequestHead['headers']): string | undefined {
  const { authorization, 'x-api-key': header } = headers
  if (authorization !== undefined && authorization.length < 100) {
    const bearer = /^bearer +(\S+)$/i.exec(authorization)?.[1]
    if (bearer !== undefined && ownKey.test(bearer)) return bearer
  }
  return typeof header === 'string' && ownKey.test(header) ? header : undefined
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/** What is kept of a name and a password, for `Access`. */
export const digestOfBasic = (username: string, password: string): string =>
  digestOf(`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`).toString('base64')

/** Over digests, so that lengths tell nothing. The name of the scheme may be written as one likes. */
const isSame = (given: string, expected: string): boolean =>
  timingSafeEqual(digestOf(given.replace(/^basic +/i, 'Basic ')), Buffer.from(expected, 'base64'))
