import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { choose } from './balance.ts'
import type { RouteTable } from './table.ts'
import type { Upstream } from './upstream.ts'

interface Waiting {
  /** Gives it a target if there is one. */
  try(): boolean
  refuse(error: AppError): void
}

/** Gives each request of a route a target, and lets those wait, in order, that find none. */
export class Lines {
  readonly #clock: Clock
  readonly #table: RouteTable
  readonly #waiting = new Map<string, Set<Waiting>>()
  readonly #onWait: (routeId: string) => void
  #turn = 0
  /** The last moment at which any target is under suspicion. */
  #suspectUntil = 0

  /** @param onWait is told of each request that has to wait */
  constructor(clock: Clock, table: RouteTable, onWait: (routeId: string) => void) {
    this.#clock = clock
    this.#table = table
    this.#onWait = onWait
  }

  /** How many requests wait for a target of a route. */
  length(routeId: string): number {
    return this.#waiting.get(routeId)?.size ?? 0
  }

  /** How many requests wait, by route. */
  lengths(): Record<string, number> {
    return Object.fromEntries([...this.#waiting].map(([routeId, line]) => [routeId, line.size]))
  }

  /**
   * A target for a request, begun: whoever takes it ends it. Throws AppError `no_instance`, `instance_busy`, and
   * `not_served` where the route went away.
   *
   * @param tried targets that failed for this request: only if there is no other
   * @param gone aborts when nobody waits for it any more; asked for only if it has to wait
   */
  take(routeId: string, tried: ReadonlySet<string>, gone: () => AbortSignal): Upstream | Promise<Upstream> {
    const line = this.#waiting.get(routeId)
    // Nobody passes those who wait.
    const now = line === undefined || line.size === 0 || tried.size > 0 ? this.#pick(routeId, tried) : undefined
    return now ?? this.#wait(routeId, tried, gone())
  }

  /** It refused a connection: it gets nothing for a moment, and then those who wait try again. */
  suspect(routeId: string, upstream: Upstream): void {
    upstream.suspectUntil = this.#clock.steady() + limits.gatewaySuspectMs
    this.#suspectUntil = upstream.suspectUntil
    this.#clock.after(limits.gatewaySuspectMs, () => this.look(routeId))
  }

  /** Something may be free now, or there is none any more. */
  look(routeId: string): void {
    const line = this.#waiting.get(routeId)
    if (!line) return
    for (const one of line) if (!one.try()) break
    const entry = this.#table.get(routeId)
    if (entry && (entry.route.holds || entry.upstreams.length > 0)) return
    for (const one of line) one.refuse(this.#refusal(routeId))
  }

  lookAtAll(): void {
    for (const routeId of this.#waiting.keys()) this.look(routeId)
  }

  #pick(routeId: string, tried: ReadonlySet<string>): Upstream | undefined {
    const entry = this.#table.get(routeId)
    if (!entry || entry.upstreams.length === 0) return undefined
    const { route, upstreams } = entry
    const now = this.#clock.steady()
    let able: readonly Upstream[] = upstreams
    if (route.perTarget !== null) able = able.filter(({ outstanding }) => outstanding < route.perTarget!)
    if (now < this.#suspectUntil && able.some(({ suspectUntil }) => suspectUntil > now))
      able = able.filter(({ suspectUntil }) => suspectUntil <= now)
    if (tried.size > 0) able = untried(able, tried)
    const chosen = choose(able, route.shares, Math.random(), this.#turn++)
    chosen?.begin()
    return chosen
  }

  #wait(routeId: string, tried: ReadonlySet<string>, signal: AbortSignal): Promise<Upstream> {
    const entry = this.#table.get(routeId)
    const line = this.#waiting.get(routeId) ?? new Set<Waiting>()
    if (!entry || (!entry.route.holds && entry.upstreams.length === 0)) throw this.#refusal(routeId)
    const { route } = entry
    if (line.size >= route.queue) throw new AppError('instance_busy', { name: route.name, queued: line.size })
    this.#waiting.set(routeId, line)
    this.#onWait(routeId)
    return new Promise((resolve, reject) => {
      const leave = () => {
        line.delete(one)
        if (line.size === 0) this.#waiting.delete(routeId)
        cancel()
        signal.removeEventListener('abort', onAbort)
      }
      const one: Waiting = {
        try: () => {
          const found = this.#pick(routeId, tried)
          if (!found) return false
          leave()
          resolve(found)
          return true
        },
        refuse: (error) => {
          leave()
          reject(error)
        },
      }
      const onAbort = () =>
        one.refuse(new AppError('no_instance', { name: route.name, reason: 'nobody waits any more' }))
      const cancel = this.#clock.after(route.queueMs, () => one.refuse(this.#refusal(routeId)))
      signal.addEventListener('abort', onAbort)
      line.add(one)
    })
  }

  #refusal(routeId: string): AppError {
    const entry = this.#table.get(routeId)
    if (!entry) return new AppError('not_served')
    const { route, upstreams } = entry
    const isDown = upstreams.length > 0 && upstreams.every((one) => one.suspectUntil > this.#clock.steady())
    if (isDown) return new AppError('no_instance', { name: route.name, reason: 'it does not take connections' })
    if (upstreams.length > 0) return new AppError('instance_busy', { name: route.name, queued: this.length(routeId) })
    return new AppError('no_instance', { name: route.name, reason: route.waiting })
  }
}

/** Those that have not failed for this request; else all, for want of others. */
function untried(all: readonly Upstream[], tried: ReadonlySet<string>): readonly Upstream[] {
  const fresh = all.filter(({ id }) => !tried.has(id))
  return fresh.length > 0 ? fresh : all
}
