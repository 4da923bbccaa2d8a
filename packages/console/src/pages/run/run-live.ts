import { numberOf } from '@nabla/api/run-states'
import { createContext, useContext, useEffect, useMemo, useSyncExternalStore } from 'react'
import { plainClient } from '../../api/client.ts'
import { followStream } from '../../api/follow.ts'
import { queries } from '../../api/query.ts'
import type { LivePoint } from './run-points.ts'

/** Metrics come into sight in bursts, as one scrolls: the stream is opened anew once for all of them. */
const settleMs = 400
/** Values of one line that are kept before it is read again, in fewer points. */
const mostValues = 500
/** Up to so many metrics, all are followed. */
const fewMetrics = 60
/** Ids that one stream may name. */
const mostRuns = 200
/** Characters of names that an address has room for; with more, all metrics are followed. */
const mostCharacters = 6000

/**
 * What runs log while one looks at them: one stream for all charts of a page, of the metrics that are in sight. It begins
 * with the first that watches and ends with `stop`.
 */
export class RunFeed {
  readonly #runs: readonly string[]
  readonly #onNew: () => void
  #known = new Set<string>()
  readonly #watched = new Map<string, number>()
  readonly #values = new Map<string, readonly LivePoint[]>()
  /** Kept also when the values before it are read again. */
  readonly #latest = new Map<string, LivePoint>()
  readonly #watchers = new Set<() => void>()
  #stream: AbortController | undefined
  #names = ''
  #timer: ReturnType<typeof setTimeout> | undefined
  #frame = 0

  /** `runs`: ids of those that have not ended. `onNew` is called when one logs a metric that nobody knew of. */
  constructor(runs: readonly string[], onNew: () => void) {
    this.#runs = runs.slice(0, mostRuns)
    this.#onNew = onNew
  }

  /** Says which metrics there are. Of few all are followed, so that one hears of those that are new. */
  know(metrics: readonly string[]): void {
    this.#known = new Set(metrics)
    if (this.#runs.length > 0 && !this.#stream) this.#settle()
  }

  /** Follows a metric until what is returned is called. */
  watch(metric: string): () => void {
    if (this.#runs.length === 0) return () => undefined
    this.#watched.set(metric, (this.#watched.get(metric) ?? 0) + 1)
    this.#settle()
    return () => {
      const left = (this.#watched.get(metric) ?? 1) - 1
      if (left > 0) this.#watched.set(metric, left)
      else this.#watched.delete(metric)
    }
  }

  /** What a run has logged of a metric since the stream began. */
  valuesOf(run: string, metric: string): readonly LivePoint[] {
    return this.#values.get(`${run} ${metric}`) ?? none
  }

  latestOf(run: string, metric: string): LivePoint | undefined {
    return this.#latest.get(`${run} ${metric}`)
  }

  subscribe = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  stop(): void {
    clearTimeout(this.#timer)
    cancelAnimationFrame(this.#frame)
    this.#stream?.abort()
  }

  #settle(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#open(), settleMs)
  }

  #open(): void {
    const isAll = this.#known.size <= fewMetrics || !canBeListed([...this.#watched.keys()])
    const names = isAll ? '' : [...this.#watched.keys()].sort().join(',')
    if (names === this.#names && this.#stream) return
    const isFirst = this.#stream === undefined
    this.#names = names
    this.#stream?.abort()
    const stream = new AbortController()
    this.#stream = stream
    void followStream({
      open: (options) =>
        plainClient.run.follow({ runs: this.#runs.join(','), ...(names !== '' && { metrics: names }) }, options),
      take: ({ run, values }) => {
        for (const [name, step, time, value] of values) {
          this.#take(run, name, [step, time, numberOf(value)])
          if (this.#known.has(name)) continue
          this.#known.add(name)
          this.#onNew()
        }
      },
      signal: stream.signal,
    }).catch(() => undefined)
    // What was logged between two streams is read like everything before.
    if (!isFirst) for (const name of this.#watched.keys()) this.#readAgain(name)
  }

  #take(run: string, metric: string, value: LivePoint): void {
    const key = `${run} ${metric}`
    const values = [...(this.#values.get(key) ?? []), value]
    this.#values.set(key, values)
    const latest = this.#latest.get(key)
    if (latest === undefined || value[0] >= latest[0]) this.#latest.set(key, value)
    if (values.length === mostValues) this.#readAgain(metric)
    if (this.#frame !== 0) return
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0
      for (const watcher of this.#watchers) watcher()
    })
  }

  #readAgain(metric: string): void {
    const known = new Map([...this.#values].filter(([key]) => key.endsWith(` ${metric}`)))
    void queries.refetchQueries({ queryKey: ['run-curve', metric], type: 'active' }).then(() => {
      for (const [key, values] of known) {
        const now = this.#values.get(key)
        if (now) this.#values.set(key, now.slice(values.length))
      }
    })
  }
}

const canBeListed = (names: readonly string[]): boolean =>
  names.join(',').length < mostCharacters && !names.some((name) => name.includes(','))

const none: readonly LivePoint[] = []

/** The feed of the charts below. */
export const RunFeedContext = createContext<RunFeed | undefined>(undefined)

/** Makes a feed for the runs that have not ended, as long as the page shows them. */
export function useRunFeed(running: readonly string[], metrics: readonly string[]): RunFeed {
  const key = running.join(',')
  const feed = useMemo(() => new RunFeed(key === '' ? [] : key.split(','), readNamesAgain), [key])
  useEffect(() => feed.know(metrics), [feed, metrics])
  useEffect(() => () => feed.stop(), [feed])
  return feed
}

/** What tells of names: runs, and the columns that they have. */
function readNamesAgain(): void {
  void queries.invalidateQueries({
    predicate: ({ queryKey: [noun, verb] }) => noun === 'run' && verb !== 'pages' && verb !== 'all',
  })
}

/** What a run logs of a metric, as it comes; follows it while the component is there. */
export function useLiveValues(runs: readonly string[], metric: string): ReadonlyMap<string, readonly LivePoint[]> {
  const feed = useContext(RunFeedContext)
  useEffect(() => feed?.watch(metric), [feed, metric])
  const text = useSyncExternalStore(
    (watcher) => feed?.subscribe(watcher) ?? (() => undefined),
    () => runs.map((run) => feed?.valuesOf(run, metric).length ?? 0).join(','),
  )
  return useMemo(
    () => new Map(runs.map((run) => [run, feed?.valuesOf(run, metric) ?? none])),
    [feed, metric, runs, text],
  )
}

/** The value of the greatest step that a run has logged of a metric since one looks on; undefined: none. */
export function useLatestValue(run: string, metric: string): LivePoint | undefined {
  const feed = useContext(RunFeedContext)
  useEffect(() => feed?.watch(metric), [feed, metric])
  return useSyncExternalStore(
    (watcher) => feed?.subscribe(watcher) ?? (() => undefined),
    () => feed?.latestOf(run, metric),
  )
}
