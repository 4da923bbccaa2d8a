import type { Tick } from '../metrics/metric-store.ts'
import type { Candidate } from './balance.ts'
import type { Counted } from './wire.ts'

/** What one revision of a route answered since it was asked last. */
interface Counts {
  requests: number
  errors: number
  /** Answers by how long they took to begin, in buckets. */
  buckets: Uint32Array
}

/** Figures of some time: rates per second, latencies in milliseconds. */
export interface Figures {
  requests: number
  errors: number
  requestRate: number
  errorRate: number
  latencyP50: number
  latencyP95: number
  latencyP99: number
}

/** The first bucket ends here, each further one at `growth` times as much: the error of a quantile is below 5 %. */
const firstMs = 0.05
const growth = 1.1
const buckets = 200
const perGrowth = 1 / Math.log(growth)

/** Counts requests of the revisions of routes, to be read at a steady pace. */
export class Meter {
  readonly #counts = new Map<string, Map<number, Counts>>()

  /** An answer began after so long; `failed`: it was an error of the server, or there was none. */
  record(routeId: string, revision: number, ms: number, failed: boolean): void {
    const counts = this.#countsOf(routeId, revision)
    counts.requests += 1
    if (failed) counts.errors += 1
    counts.buckets[bucketOf(ms)]! += 1
  }

  /** Adds what was counted elsewhere. */
  add({ route, revision, requests, errors, buckets: filled }: Counted): void {
    const counts = this.#countsOf(route, revision)
    counts.requests += requests
    counts.errors += errors
    for (const [bucket, count] of filled) if (bucket >= 0 && bucket < buckets) counts.buckets[bucket]! += count
  }

  /** All that was counted since it was asked last, to be added elsewhere. */
  takeAll(): Counted[] {
    const all = [...this.#counts].flatMap(([route, revisions]) =>
      [...revisions].map(([revision, { requests, errors, buckets: counts }]) => {
        const filled = [...counts.entries()].filter(([, count]) => count > 0)
        return { route, revision, requests, errors, buckets: filled }
      }),
    )
    this.#counts.clear()
    return all
  }

  /** What was counted since it was asked last, over so many seconds; revisions without a request are left out. */
  take(routeId: string, seconds: number): Map<number, Figures> {
    const revisions = this.#counts.get(routeId) ?? new Map<number, Counts>()
    this.#counts.delete(routeId)
    return new Map([...revisions].map(([revision, counts]) => [revision, figuresOf(counts, seconds)]))
  }

  #countsOf(routeId: string, revision: number): Counts {
    let revisions = this.#counts.get(routeId)
    if (!revisions) this.#counts.set(routeId, (revisions = new Map()))
    let counts = revisions.get(revision)
    if (!counts) revisions.set(revision, (counts = { requests: 0, errors: 0, buckets: new Uint32Array(buckets) }))
    return counts
  }
}

function bucketOf(ms: number): number {
  if (!(ms > firstMs)) return 0
  return Math.min(buckets - 1, Math.ceil(Math.log(ms / firstMs) * perGrowth))
}

function figuresOf(counts: Counts, seconds: number): Figures {
  const { requests, errors } = counts
  const quantile = (share: number) => quantileOf(counts, share)
  return {
    requests,
    errors,
    requestRate: requests / seconds,
    errorRate: errors / seconds,
    latencyP50: quantile(0.5),
    latencyP95: quantile(0.95),
    latencyP99: quantile(0.99),
  }
}

/** The middle of the bucket, on the scale of the buckets, in which so large a share of all is reached. */
function quantileOf({ requests, buckets: counts }: Counts, share: number): number {
  let left = Math.max(1, Math.ceil(requests * share))
  for (const [index, count] of counts.entries()) {
    left -= count
    if (left <= 0) return firstMs * growth ** Math.max(0, index - 0.5)
  }
  return 0
}

/** Figures of a route as they are kept, with what goes on at its targets now. */
export function valuesOf(
  figures: ReadonlyMap<number, Figures>,
  upstreams: readonly Candidate[],
  queued: number,
): Tick['values'] {
  const revisions = new Set([...figures.keys(), ...upstreams.map(({ revision }) => revision)])
  return [...revisions].flatMap((revision) => {
    const labels = { revision: String(revision) }
    const own = upstreams.filter((one) => one.revision === revision)
    const found = figures.get(revision)
    const values = {
      requestRate: found?.requestRate ?? 0,
      errorRate: found?.errorRate ?? 0,
      outstanding: own.reduce((sum, one) => sum + one.outstanding, 0),
      ready: own.length,
      queued,
      ...(found && { latencyP50: found.latencyP50, latencyP95: found.latencyP95, latencyP99: found.latencyP99 }),
    }
    return Object.entries(values).map(([name, value]) => ({ name, labels, value }))
  })
}
