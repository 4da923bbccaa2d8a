import type { ApiError } from '@nabla/api/client'
import type { Sweep, Trial } from '@nabla/api/sweep'
import { useEffect, useRef, useState } from 'react'
import { client } from '../../api/client.ts'
import { now } from '../../clock.ts'
import { toApiError } from '../../parts/action.ts'
import { pageSize, readFirstTrials } from './trials-query.ts'

/** Trials that a page keeps, the newest: more than anybody looks at one by one. */
export const mostTrials = 20_000
/** Trials end in bursts; what has changed is read once for all of them. */
const settleMs = 500

export interface LiveTrials {
  trials: readonly Trial[]
  /** Nothing is there yet. */
  isLoading: boolean
  error: ApiError | undefined
}

/**
 * The trials of a sweep, in the order of their numbers, kept up to date: whenever the sweep has changed, those are read
 * again that had not ended, and those that came since.
 */
export function useTrials(sweep: Sweep): LiveTrials {
  const [state, setState] = useState<LiveTrials>({ trials: [], isLoading: true, error: undefined })
  const reader = useRef<Reader>(undefined)
  useEffect(() => {
    const begun = new Reader(sweep.id, Math.max(0, sweep.trials.asked - mostTrials), setState)
    reader.current = begun
    return () => begun.end()
  }, [sweep.id])
  const { asked, running, complete, stopped, failed } = sweep.trials
  useEffect(() => {
    reader.current?.readAgain()
  }, [sweep.id, sweep.state, asked, running, complete, stopped, failed])
  return state
}

/** Reads one after the other, and never more often than the answers take. */
class Reader {
  readonly #sweep: string
  readonly #show: (state: LiveTrials) => void
  readonly #stop = new AbortController()
  #trials: readonly Trial[] = []
  /** Number of the first trial that may still change. */
  #from: number
  #first: number
  #wanted = false
  #busy = false

  constructor(sweep: string, first: number, show: (state: LiveTrials) => void) {
    this.#sweep = sweep
    this.#first = first
    this.#from = first
    this.#show = show
  }

  readAgain(): void {
    this.#wanted = true
    if (!this.#busy) void this.#work()
  }

  end(): void {
    this.#stop.abort()
  }

  async #work(): Promise<void> {
    this.#busy = true
    try {
      while (this.#wanted && !this.#stop.signal.aborted) {
        this.#wanted = false
        const begun = now()
        await this.#read()
        const pauseMs = Math.max(settleMs, 2 * (now() - begun))
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    } catch (thrown) {
      if (!this.#stop.signal.aborted) {
        this.#show({ trials: this.#trials, isLoading: false, error: toApiError(thrown) })
      }
    } finally {
      this.#busy = false
    }
  }

  async #read(): Promise<void> {
    const kept = this.#trials.slice(0, this.#from - this.#first)
    const isFirst = this.#trials.length === 0
    let found: readonly Trial[] = kept
    let after = this.#from - 1
    for (;;) {
      const { items, next } = await this.#readAfter(after)
      if (this.#stop.signal.aborted) return
      found = [...found, ...items]
      // What was there stays until it is there again; the first time there is nothing to keep.
      if (isFirst || next === null) this.#take(found)
      if (next === null) break
      after = Number(next)
    }
    // They may be older than the numbers that the sweep was shown with.
    if (isFirst) this.#wanted = true
  }

  #readAfter(after: number): ReturnType<typeof readFirstTrials> {
    if (after < 0) return readFirstTrials(this.#sweep)
    const page = { sweep: this.#sweep, limit: pageSize, after: String(after) }
    return client.sweep.trials(page, { signal: this.#stop.signal })
  }

  #take(trials: readonly Trial[]): void {
    this.#trials = trials
    const open = trials.findIndex(({ state }) => state === 'running')
    this.#from = this.#first + (open === -1 ? trials.length : open)
    this.#show({ trials, isLoading: false, error: undefined })
  }
}
