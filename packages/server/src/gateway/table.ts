import type { Clock } from '../lib/clock.ts'
import type { Route } from './route.ts'
import { Upstream } from './upstream.ts'

/** A route with the connections to its targets. */
export interface Entry {
  route: Route
  upstreams: Upstream[]
}

/** What there is to serve, by id and by name, and the connections to all targets, those that are to go too. */
export class RouteTable {
  #byId = new Map<string, Entry>()
  #byName = new Map<string, Entry[]>()
  readonly #upstreams = new Map<string, Upstream>()
  readonly #clock: Clock
  readonly #onIdle: (id: string) => void

  constructor(clock: Clock, onIdle: (id: string) => void) {
    this.#clock = clock
    this.#onIdle = onIdle
  }

  /** From now on there is this and nothing else. What is under way goes on. */
  replace(routes: readonly Route[]): void {
    const entries = routes.map((route): Entry => {
      return { route, upstreams: route.targets.map((target) => this.#upstreamOf(target)) }
    })
    this.#byId = new Map(entries.map((entry) => [entry.route.id, entry]))
    this.#byName = Map.groupBy(entries, ({ route }) => route.name)
    const routed = new Set(entries.flatMap(({ upstreams }) => upstreams))
    for (const [id, upstream] of this.#upstreams) {
      upstream.isRetired = !routed.has(upstream)
      if (!upstream.isRetired || upstream.outstanding > 0) continue
      this.#upstreams.delete(id)
      void upstream.close()
    }
  }

  get(id: string): Entry | undefined {
    return this.#byId.get(id)
  }

  /** Whatever is called so, of any team. */
  named(name: string): readonly Entry[] {
    return this.#byName.get(name) ?? []
  }

  all(): Iterable<Entry> {
    return this.#byId.values()
  }

  /** Requests and sockets under way at a target. */
  outstanding(targetId: string): number {
    return this.#upstreams.get(targetId)?.outstanding ?? 0
  }

  /** What is under way, by target; of those that have nothing under way nothing is said. */
  allOutstanding(): Record<string, number> {
    const busy = [...this.#upstreams.values()].filter(({ outstanding }) => outstanding > 0)
    return Object.fromEntries(busy.map(({ id, outstanding }) => [id, outstanding]))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.close()))
    this.#upstreams.clear()
  }

  #upstreamOf(target: Route['targets'][number]): Upstream {
    const known = this.#upstreams.get(target.id)
    if (known?.is(target)) return known
    const made = new Upstream(target, this.#clock, this.#onIdle)
    this.#upstreams.set(target.id, made)
    return made
  }
}
