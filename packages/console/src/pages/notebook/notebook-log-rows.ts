import type { ApiError } from '@nabla/api/client'
import type { LogLine } from '@nabla/api/log'
import { client, plainClient } from '../../api/client.ts'
import { followStream } from '../../api/follow.ts'
import { toApiError } from '../../parts/action.ts'
import { type LogRows, Watchers } from '../job/log-rows.ts'

/** Lines that are read at first, and kept. */
const firstLines = 5000
const mostLines = 50_000

/** The end of the log of a notebook, and what its session adds to it. */
export class NotebookLogRows implements LogRows {
  ended = false
  isLoading = true
  error: ApiError | undefined
  readonly #notebook: string
  readonly #watchers = new Watchers()
  #lines: LogLine[] = []
  #stop = new AbortController()

  constructor(notebook: string) {
    this.#notebook = notebook
  }

  get count(): number {
    return this.#lines.length
  }

  /** Older lines are not kept here. */
  get isCut(): boolean {
    return (this.#lines[0]?.seq ?? 1) > 1
  }

  get version(): number {
    return this.#watchers.version
  }

  subscribe = (watcher: () => void): (() => void) => this.#watchers.subscribe(watcher)

  row(index: number): LogLine | undefined {
    return this.#lines[index]
  }

  want(): void {
    // All that is kept is at hand.
  }

  indexOf(seq: number): number {
    return Math.max(0, seq - (this.#lines[0]?.seq ?? 1))
  }

  /** Reads the end, and follows from there until the session is over. */
  async start(): Promise<void> {
    this.#stop = new AbortController()
    const { signal } = this.#stop
    const notebook = this.#notebook
    try {
      const { items, last } = await client.notebook.logs({ notebook, tail: firstLines }, { signal })
      this.#lines = items
      this.isLoading = false
      this.#watchers.changed()
      await followStream({
        open: (options) => plainClient.notebook.followLogs({ notebook, after: last }, options),
        take: ({ seq, at, source, text }) =>
          this.#add(text.split('\n').map((line, place) => ({ seq: seq + place, at, source, text: line }))),
        signal,
      })
      this.ended = !signal.aborted
    } catch (error) {
      if (signal.aborted) return
      this.error = toApiError(error)
      this.isLoading = false
    }
    this.#watchers.changed()
  }

  stop(): void {
    this.#stop.abort()
    this.#watchers.stop()
  }

  #add(lines: readonly LogLine[]): void {
    this.#lines.push(...lines)
    if (this.#lines.length > mostLines) this.#lines = this.#lines.slice(-mostLines)
    this.#watchers.changed()
  }
}
