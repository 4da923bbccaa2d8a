import { mkdir } from 'node:fs/promises'
import { visitItems } from './segment.ts'
import { type Batch, type Bucket, keyOf, type Tick } from './series.ts'
import type { Tier } from './tier.ts'

export interface SetRules {
  /** Moments kept in memory for those who follow. */
  recentTicks: number
}

/** Buckets of one tier that are not full yet. */
interface Growing {
  start: number
  byKey: Map<string, Bucket>
}

/**
 * The writing end of one subject's measurements. Each goes to the finest tier, and into the growing bucket of the next
 * coarser one, which goes to its tier when its time is over, and into the next. What grew when a server was killed is
 * made again from the finer tier, which is written first.
 */
export class SeriesSet {
  readonly tiers: readonly Tier[]
  readonly #folder: string
  readonly #rules: SetRules
  readonly #growing: Growing[]
  #waiting: Tick[] = []
  #recent: Tick[] = []
  #lastAt = -Infinity
  #loaded = false
  #queue: Promise<unknown> = Promise.resolve()

  /** `tiers`: finest first; the width of each is a multiple of that before. */
  constructor(folder: string, tiers: readonly Tier[], rules: SetRules) {
    this.#folder = folder
    this.tiers = tiers
    this.#rules = rules
    this.#growing = tiers.map(() => ({ start: -Infinity, byKey: new Map() }))
  }

  /** The newest moments, oldest first. */
  get recent(): readonly Tick[] {
    return this.#recent
  }

  /** Takes what was measured at one moment. Time does not go back: a clock that was set back stands still here. */
  append(tick: Tick): void {
    const at = Math.max(Math.round(tick.at), this.#lastAt)
    this.#lastAt = at
    const values = tick.values.filter(({ value }) => Number.isFinite(value))
    if (values.length === 0) return
    const kept = { at, values }
    this.#waiting.push(kept)
    this.#recent.push(kept)
    if (this.#recent.length > this.#rules.recentTicks) this.#recent = this.#recent.slice(-this.#rules.recentTicks)
  }

  /** Writes what was appended. When it throws (a full disk), that is gone, and what comes later is written again. */
  async flush(): Promise<void> {
    await this.exclusively(() => this.#flush())
  }

  /** Runs when everything before has been written and before anything after is. */
  async exclusively<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(run)
    this.#queue = turn.catch(() => undefined)
    return await turn
  }

  async #flush(): Promise<void> {
    const ticks = this.#waiting
    this.#waiting = []
    if (ticks.length === 0) return
    const batches: Batch[] = this.tiers.map(() => new Map())
    if (!this.#loaded) await this.#load(batches)
    this.#loaded = true
    for (const { at, values } of ticks) {
      for (const series of values) {
        const { value } = series
        this.#add(0, keyOf(series), { at, min: value, avg: value, max: value, count: 1 }, batches)
      }
    }
    for (const [index, batch] of batches.entries()) {
      if (batch.size > 0) await this.tiers[index]?.append(batch)
    }
  }

  /** Finds where an earlier process left off. */
  async #load(batches: Batch[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const blocks = await Promise.all(this.tiers.map((tier) => tier.read()))
    for (let index = this.tiers.length - 1; index > 0; index--) {
      const written = (blocks[index] ?? []).reduce((most, { lastAt }) => Math.max(most, lastAt), -Infinity)
      const from = written + (this.tiers[index]?.widthMs ?? 0)
      const items: { key: string; bucket: Bucket }[] = []
      for (const block of blocks[index - 1] ?? []) {
        if (block.lastAt < from) continue
        visitItems(block, (at, min, avg, max, count) => {
          if (at >= from) items.push({ key: block.key, bucket: { at, min, avg, max, count } })
        })
      }
      items.sort((a, b) => a.bucket.at - b.bucket.at)
      for (const { key, bucket } of items) this.#grow(index, key, bucket, batches)
    }
  }

  #add(index: number, key: string, bucket: Bucket, batches: Batch[]): void {
    const batch = batches[index]
    if (!batch) return
    const buckets = batch.get(key)
    if (buckets) buckets.push(bucket)
    else batch.set(key, [bucket])
    this.#grow(index + 1, key, bucket, batches)
  }

  #grow(index: number, key: string, bucket: Bucket, batches: Batch[]): void {
    const [tier, growing] = [this.tiers[index], this.#growing[index]]
    if (!tier || !growing) return
    const start = Math.floor(bucket.at / tier.widthMs) * tier.widthMs
    if (start > growing.start) {
      const full = growing.byKey
      growing.byKey = new Map()
      growing.start = start
      for (const [fullKey, one] of full) this.#add(index, fullKey, one, batches)
    }
    const present = growing.byKey.get(key)
    if (present) merge(present, bucket)
    else growing.byKey.set(key, { ...bucket, at: growing.start })
  }
}

/** Adds a later bucket to one. */
export function merge(into: Bucket, bucket: Omit<Bucket, 'at'>): void {
  const count = into.count + bucket.count
  into.avg += ((bucket.avg - into.avg) * bucket.count) / count
  into.min = Math.min(into.min, bucket.min)
  into.max = Math.max(into.max, bucket.max)
  into.count = count
}
