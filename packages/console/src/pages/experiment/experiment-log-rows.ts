import type { ApiError } from '@nabla/api/client'
import type { LogLine, LogSource } from '@nabla/api/log'
import { client, plainClient } from '../../api/client.ts'
import { followStream } from '../../api/follow.ts'
import { toApiError } from '../../parts/action.ts'
import { type LogRows, Watchers } from '../job/log-rows.ts'

/** A line with the node that wrote it. */
export type NodeLine = LogLine & { origin: { host: string; color: number } }

/** Lines that are read at first, and kept: each job has the rest of its own. */
const firstLines = 5000
const mostLines = 50_000

/** The end of the logs of all nodes, in the order in which they were written, and what comes after. */
export class NodeLogRows implements LogRows {
  ended = false
  isLoading = true
  error: ApiError | undefined
  /** There are lines before those that are shown. */
  isCut = false
  readonly #given: { experiment: string; job?: string; source?: LogSource }
  readonly #colors: ReadonlyMap<string, number>
  readonly #watchers = new Watchers()
  #lines: NodeLine[] = []
  #stop = new AbortController()
  #number = 0

  constructor(
    given: { experiment: string; job?: string; source?: LogSource },
    /** Place in the palette of each host. */
    colors: ReadonlyMap<string, number>,
  ) {
    this.#given = given
    this.#colors = colors
  }

  get count(): number {
    return this.#lines.length
  }

  get version(): number {
    return this.#watchers.version
  }

  subscribe = (watcher: () => void): (() => void) => this.#watchers.subscribe(watcher)

  row(index: number): NodeLine | undefined {
    return this.#lines[index]
  }

  want(): void {
    // All that is kept is at hand.
  }

  indexOf(seq: number): number {
    return Math.max(0, seq - (this.#lines[0]?.seq ?? 1))
  }

  /** Reads the end, and follows from there. */
  async start(): Promise<void> {
    this.#stop = new AbortController()
    const { signal } = this.#stop
    try {
      const page = await client.experiment.logs({ ...this.#given, tail: firstLines }, { signal })
      this.isCut = page.items.length >= firstLines
      this.#add(page.items)
      this.ended = page.ended
      this.isLoading = false
      this.#watchers.changed()
      if (page.ended) return
      await followStream({
        open: (options) => plainClient.experiment.followLogs({ ...this.#given, after: page.next }, options),
        take: ({ text, ...block }) => this.#add(text.split('\n').map((line) => ({ ...block, text: line }))),
        signal,
      })
      this.ended = !signal.aborted
      this.#watchers.changed()
    } catch (error) {
      if (signal.aborted) return
      this.error = toApiError(error)
      this.isLoading = false
      this.#watchers.changed()
    }
  }

  stop(): void {
    this.#stop.abort()
    this.#watchers.stop()
  }

  #add(lines: readonly (Omit<LogLine, 'seq'> & { host: string })[]): void {
    for (const { at, source, text, host } of lines) {
      const origin = { host, color: this.#colors.get(host) ?? 0 }
      this.#lines.push({ seq: ++this.#number, at, source, text, origin })
    }
    if (this.#lines.length > mostLines) {
      this.#lines = this.#lines.slice(-mostLines)
      this.isCut = true
    }
    this.#watchers.changed()
  }
}
