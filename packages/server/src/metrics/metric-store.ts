import { mkdirSync } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '../lib/assert.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { type Range, type RangeQuery, readRange } from './read-range.ts'
import { visitItems } from './segment.ts'
import { seriesOf, type Tick } from './series.ts'
import { SeriesSet } from './series-set.ts'
import { removeTiers, Tier } from './tier.ts'

export type { Point, Range, RangeQuery, SeriesRange } from './read-range.ts'
export type { SeriesValue, Tick } from './series.ts'

export interface MetricStoreOptions {
  /** The folder that holds all measurements; made if it is not there. */
  dir: string
  clock: Clock
  /** Is told of what could not be written. */
  onProblem?: (id: string, error: unknown) => void
  /** Bounds other than those of the server. */
  limits?: Partial<Record<'metricSegmentBytes' | 'metricLastSegmentBytes' | 'metricFlushMs', number>>
}

export interface FollowQuery {
  /** Only what is newer, in milliseconds since the epoch; only what comes from now on if left out. */
  after?: number
  signal: AbortSignal
  /** Asked once, when following has begun: whether nothing more will come. */
  hasEnded(): Promise<boolean>
}

/**
 * Measurements over time of any number of subjects, each a set of named series:
 *
 *     <dir>/<id>/{raw,30s,5min}   and   <dir>/<id>/{raw,30s,5min}.old
 *
 * As measured for the last hours, then in buckets of 30 s for days and of 5 min for months, with the least, the mean and
 * the most of each; the size of a subject is bounded however long it goes on. A server that is killed loses the last
 * seconds and nothing else. One process writes a folder.
 */
export interface MetricStore {
  /** Takes what was measured of a subject at one moment. It is written within `metricFlushMs`, or when it is read. */
  append(id: string, tick: Tick): void
  /** Nothing more is expected: what is left is written and followers end. A later `append` begins again. */
  finish(id: string): Promise<void>
  /** A range; nothing of a subject that is not there. `idleMs`: how far measurements may be apart without a gap. */
  read(id: string, query: RangeQuery, idleMs?: number): Promise<Range>
  /** Each moment as it is measured, without loss or repeat, until the subject has ended. */
  follow(id: string, query: FollowQuery): AsyncGenerator<Tick, void, void>
  /** Deletes a subject. Followers end. */
  remove(id: string): Promise<void>
  /** Every subject there is. */
  ids(): AsyncGenerator<string, void, void>
  /** Writes what is left. */
  shutdown(): Promise<void>
}

/** Widths of the tiers after the first, which keeps measurements as they are. */
const tierNames = { raw: 0, '30s': 30_000, '5min': 300_000 }

export function openMetricStore(options: MetricStoreOptions): MetricStore {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  return new FileMetricStore(options)
}

interface Open {
  set: SeriesSet
  flushedAt: number
}

class FileMetricStore implements MetricStore {
  readonly #options: MetricStoreOptions
  readonly #flushMs: number
  readonly #open = new Map<string, Open>()
  /** Called at each change of a subject; `true`: it has ended. */
  readonly #followers = new Map<string, Set<(ended: boolean) => void>>()

  constructor(options: MetricStoreOptions) {
    this.#options = options
    this.#flushMs = options.limits?.metricFlushMs ?? limits.metricFlushMs
  }

  append(id: string, tick: Tick): void {
    const now = this.#options.clock.steady()
    let open = this.#open.get(id)
    if (!open) {
      open = { set: this.#newSet(id), flushedAt: now }
      this.#open.set(id, open)
    }
    open.set.append(tick)
    this.#tell(id, false)
    if (now - open.flushedAt < this.#flushMs) return
    open.flushedAt = now
    void this.#flush(id, open.set)
  }

  async finish(id: string): Promise<void> {
    const open = this.#open.get(id)
    if (open) await this.#flush(id, open.set)
    if (open && this.#open.get(id) === open) this.#open.delete(id)
    this.#tell(id, true)
  }

  async read(id: string, query: RangeQuery, idleMs: number = limits.metricSampleMs): Promise<Range> {
    return readRange(await this.#contents(id), query, { leastMs: limits.metricSampleMs, mostMs: idleMs })
  }

  async *follow(id: string, { after, signal, hasEnded }: FollowQuery): AsyncGenerator<Tick, void, void> {
    let last = after ?? this.#open.get(id)?.set.recent.at(-1)?.at ?? this.#options.clock.now()
    let changed = true
    let ended = false
    let wake = () => {}
    const onChange = (isEnd: boolean) => {
      changed = true
      ended ||= isEnd
      wake()
    }
    const followers = this.#followers.get(id) ?? new Set()
    this.#followers.set(id, followers.add(onChange))
    const onAbort = () => wake()
    signal.addEventListener('abort', onAbort)
    try {
      ended = (await hasEnded()) || ended
      while (!signal.aborted) {
        if (changed) {
          changed = false
          for (const tick of await this.#ticksAfter(id, last)) {
            yield tick
            last = tick.at
          }
        } else if (ended) return
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      followers.delete(onChange)
      if (followers.size === 0 && this.#followers.get(id) === followers) this.#followers.delete(id)
    }
  }

  async remove(id: string): Promise<void> {
    const open = this.#open.get(id)
    this.#open.delete(id)
    const remove = () => removeTiers(this.#folderOf(id))
    await (open ? open.set.exclusively(remove) : remove())
    this.#tell(id, true)
  }

  async *ids(): AsyncGenerator<string, void, void> {
    for await (const entry of await opendir(this.#options.dir)) if (entry.isDirectory()) yield entry.name
  }

  async shutdown(): Promise<void> {
    for (const [id, { set }] of this.#open) await this.#flush(id, set)
  }

  #newSet(id: string): SeriesSet {
    return new SeriesSet(this.#folderOf(id), this.#tiersOf(id), { recentTicks: limits.metricRecentTicks })
  }

  #tiersOf(id: string): Tier[] {
    const { metricSegmentBytes, metricLastSegmentBytes } = { ...limits, ...this.#options.limits }
    return Object.entries(tierNames).map(([name, widthMs]) => {
      const segmentBytes = name === '5min' ? metricLastSegmentBytes : metricSegmentBytes
      return new Tier(join(this.#folderOf(id), name), { widthMs, segmentBytes })
    })
  }

  #folderOf(id: string): string {
    assert(/^[A-Za-z0-9_-]{1,128}$/.test(id), `not the id of a subject: ${id}`)
    return join(this.#options.dir, id)
  }

  async #contents(id: string) {
    const open = this.#open.get(id)
    if (open) await this.#flush(id, open.set)
    const tiers = open?.set.tiers ?? this.#tiersOf(id)
    const read = () => Promise.all(tiers.map(async (tier) => ({ widthMs: tier.widthMs, blocks: await tier.read() })))
    return await (open ? open.set.exclusively(read) : read())
  }

  async #flush(id: string, set: SeriesSet): Promise<void> {
    try {
      await set.flush()
    } catch (error) {
      this.#options.onProblem?.(id, error)
    }
  }

  async #ticksAfter(id: string, last: number): Promise<readonly Tick[]> {
    const recent = this.#open.get(id)?.set.recent ?? []
    // Whoever has the oldest of these misses nothing that is older.
    if (recent[0] && last >= recent[0].at) return recent.filter(({ at }) => at > last)
    const [raw] = await this.#contents(id)
    const ticks = new Map<number, Tick>()
    for (const block of raw?.blocks ?? []) {
      if (block.lastAt <= last) continue
      const series = seriesOf(block.key)
      visitItems(block, (at, value) => {
        if (at <= last) return
        const tick = ticks.get(at)
        if (tick) tick.values.push({ ...series, value })
        else ticks.set(at, { at, values: [{ ...series, value }] })
      })
    }
    return [...ticks.values()].sort((a, b) => a.at - b.at)
  }

  #tell(id: string, ended: boolean): void {
    for (const onChange of this.#followers.get(id) ?? []) onChange(ended)
  }
}
