import type { ApiError } from '@nabla/api/client'
import type { LogBlock, LogLine } from '@nabla/api/log'
import { client, plainClient } from '../../api/client.ts'
import { followStream } from '../../api/follow.ts'
import { toApiError } from '../../parts/action.ts'
import { pageLines, readLogEnd } from './log-end.ts'
import { type LogRows, Watchers } from './log-rows.ts'

/** What is kept of a log, however long it is: pages, and characters. */
const mostPages = 80
const mostCharacters = 16 * 1024 * 1024
/** Characters that a line counts for beyond its text. */
const lineCost = 80

interface Page {
  lines: (LogLine | undefined)[]
  characters: number
}

/**
 * A log of any length: lines are read where one looks, by their numbers, and new ones come over a stream that is resumed
 * whenever it breaks. What is kept of it is bounded.
 */
export class LogFeed implements LogRows {
  /** Number of the last line. */
  count = 0
  /** No more lines will come. */
  ended = false
  isLoading = true
  error: ApiError | undefined
  readonly #job: string
  readonly #watchers = new Watchers()
  readonly #pages = new Map<number, Page>()
  readonly #loading = new Map<number, AbortController>()
  #stop = new AbortController()
  #characters = 0
  #wanted: [number, number] = [0, 0]

  constructor(job: string) {
    this.#job = job
  }

  get version(): number {
    return this.#watchers.version
  }

  subscribe = (watcher: () => void): (() => void) => this.#watchers.subscribe(watcher)

  /** Reads the end, and follows from there. */
  async start(): Promise<void> {
    this.#stop = new AbortController()
    const { signal } = this.#stop
    try {
      const end = await readLogEnd(this.#job)
      if (signal.aborted) return
      for (const line of end.items) this.#put(line)
      this.count = Math.max(this.count, end.last)
      this.ended = end.ended
      this.isLoading = false
      this.#watchers.changed()
      // A job that has ended may still be writing its last lines into the log when it is looked at first.
      await followStream<LogBlock>({
        open: (options) => plainClient.job.followLogs({ job: this.#job, after: end.last }, options),
        take: (block) => this.#append(block),
        signal,
      })
      this.ended = true
    } catch (error) {
      if (signal.aborted) return
      this.error = toApiError(error)
    }
    this.isLoading = false
    this.#watchers.changed()
  }

  stop(): void {
    this.#stop.abort()
    this.#watchers.stop()
    for (const control of this.#loading.values()) control.abort()
  }

  row(index: number): LogLine | undefined {
    return this.#pages.get(Math.floor(index / pageLines))?.lines[index % pageLines]
  }

  indexOf(seq: number): number {
    return Math.min(Math.max(0, seq - 1), Math.max(0, this.count - 1))
  }

  want(first: number, last: number): void {
    const [from, to] = [Math.floor(first / pageLines), Math.floor(Math.max(first, last) / pageLines)]
    this.#wanted = [from, to]
    for (const [page, control] of this.#loading) if (page < from || page > to) control.abort()
    for (let page = from; page <= to; page++) {
      if (this.count > page * pageLines && !this.#loading.has(page) && this.#missing(page) !== undefined) {
        void this.#load(page)
      }
    }
  }

  /** The first row of a page that is not at hand. */
  #missing(page: number): number | undefined {
    const end = Math.min(this.count - page * pageLines, pageLines)
    const lines = this.#pages.get(page)?.lines
    for (let place = 0; place < end; place++) if (!lines?.[place]) return page * pageLines + place
    return undefined
  }

  async #load(page: number): Promise<void> {
    const control = new AbortController()
    this.#loading.set(page, control)
    try {
      for (let row = this.#missing(page); row !== undefined && !control.signal.aborted; row = this.#missing(page)) {
        const limit = (page + 1) * pageLines - row
        const { items } = await client.job.logs({ job: this.#job, after: row, limit }, { signal: control.signal })
        if (items.length === 0) return
        for (const line of items) this.#put(line)
        this.error = undefined
        this.#watchers.changed()
      }
    } catch (error) {
      if (!control.signal.aborted) this.error = toApiError(error)
      this.#watchers.changed()
    } finally {
      this.#loading.delete(page)
    }
  }

  #append(block: LogBlock): void {
    const { seq, lines, at, source, partial } = block
    const lastWanted = this.#wanted[1]
    // Who reads elsewhere needs no more of it than its number; it is read again when somebody looks.
    if (Math.floor((seq - 1) / pageLines) <= lastWanted + 2) {
      const texts = block.text.split('\n')
      for (let place = 0; place < lines; place++) {
        const isPartial = partial === true && place === lines - 1
        this.#put({ seq: seq + place, at, source, text: texts[place] ?? '', ...(isPartial && { partial: true }) })
      }
    }
    this.count = Math.max(this.count, seq + lines - 1)
    this.#watchers.changed()
  }

  #put(line: LogLine): void {
    const number = Math.floor((line.seq - 1) / pageLines)
    const page = this.#pages.get(number) ?? { lines: [], characters: 0 }
    // The page that was used last stands last.
    this.#pages.delete(number)
    this.#pages.set(number, page)
    const place = (line.seq - 1) % pageLines
    if (page.lines[place]) return
    page.lines[place] = line
    page.characters += line.text.length + lineCost
    this.#characters += line.text.length + lineCost
    this.#forget()
  }

  #forget(): void {
    const [from, to] = this.#wanted
    for (const [number, page] of this.#pages) {
      if (this.#pages.size <= mostPages && this.#characters <= mostCharacters) return
      if ((number >= from && number <= to) || this.#loading.has(number)) continue
      this.#pages.delete(number)
      this.#characters -= page.characters
    }
  }
}
