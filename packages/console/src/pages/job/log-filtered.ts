import type { ApiError } from '@nabla/api/client'
import type { LogLine, LogSource } from '@nabla/api/log'
import { client } from '../../api/client.ts'
import { toApiError } from '../../parts/action.ts'
import { type LogRows, Watchers } from './log-rows.ts'

/** Lines read at a time, and the most that are kept. */
const pageLines = 1000
export const mostFiltered = 50_000

/** Which lines of a log to show. */
export interface LineFilter {
  text: string
  source: LogSource | undefined
}

/** Only those lines of a log that were written by one source, or hold a text: read on as one scrolls. */
export class FilteredLines implements LogRows {
  /** All there are so far were read. */
  complete = false
  error: ApiError | undefined
  readonly #job: string
  readonly #filter: LineFilter
  readonly #watchers = new Watchers()
  readonly #lines: LogLine[] = []
  #stop = new AbortController()
  #next = 0
  #running = false
  #wanted = 0

  constructor(job: string, filter: LineFilter) {
    this.#job = job
    this.#filter = filter
  }

  get count(): number {
    return this.#lines.length
  }

  get version(): number {
    return this.#watchers.version
  }

  subscribe = (watcher: () => void): (() => void) => this.#watchers.subscribe(watcher)

  row(index: number): LogLine | undefined {
    return this.#lines[index]
  }

  indexOf(seq: number): number {
    let [low, high] = [0, this.#lines.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#lines[middle]!.seq >= seq) high = middle
      else low = middle + 1
    }
    return Math.min(low, Math.max(0, this.#lines.length - 1))
  }

  want(_first: number, last: number): void {
    this.#wanted = last
    if (!this.complete) void this.readOn()
  }

  /** Reads until there are more than are in sight, or none are left; also when new lines have come. */
  async readOn(): Promise<void> {
    if (this.#running) return
    this.#running = true
    if (this.#stop.signal.aborted) this.#stop = new AbortController()
    try {
      do {
        const page = await this.#page()
        this.#lines.push(...page.items)
        this.#next = Math.max(this.#next, page.next)
        this.complete = page.complete || this.#lines.length >= mostFiltered
        this.error = undefined
        this.#watchers.changed()
      } while (!this.complete && this.#lines.length < this.#wanted + pageLines && !this.#stop.signal.aborted)
    } catch (error) {
      if (!this.#stop.signal.aborted) this.error = toApiError(error)
      this.#watchers.changed()
    } finally {
      this.#running = false
    }
  }

  stop(): void {
    this.#stop.abort()
    this.#watchers.stop()
  }

  async #page(): Promise<{ items: LogLine[]; next: number; complete: boolean }> {
    const { text, source } = this.#filter
    const window = { job: this.#job, after: this.#next, limit: pageLines, ...(source && { source }) }
    const { signal } = this.#stop
    if (text !== '') return client.job.searchLogs({ ...window, text }, { signal })
    const page = await client.job.logs(window, { signal })
    return { ...page, complete: page.next >= page.last }
  }
}
