import type { ApiError, CallOptions, StreamEvent } from '@nabla/api/client'
import type { LogLine } from '@nabla/api/log'
import { followStream } from '../../api/follow.ts'
import { toApiError } from '../../parts/action.ts'
import { type LogRows, Watchers } from './log-rows.ts'

/** Lines that are read at first, and kept. */
const firstLines = 5000
const mostLines = 50_000

/** A log of some kind: how its end is read, and what comes after. */
export interface TailSource<Line extends LogLine> {
  read: (tail: number, options: CallOptions) => Promise<TailPage<Line>>
  /** What is shown of a line, the `number`th of those that were read; itself if not given. */
  show?: (line: Line, number: number) => LogLine
}

export interface TailPage<Line extends LogLine> {
  lines: readonly Line[]
  /** Nothing comes after them. */
  ended: boolean
  /** What comes after them, in blocks: the text of each may be several lines. */
  follow: (options: CallOptions) => AsyncIterable<StreamEvent<Line>>
}

/** The end of a log, and what is added to it while one looks; lines long before are not kept here. */
export class LogTail<Line extends LogLine = LogLine> implements LogRows {
  ended = false
  isLoading = true
  error: ApiError | undefined
  /** There are lines before those that are shown. */
  isCut = false
  readonly #source: TailSource<Line>
  readonly #watchers = new Watchers()
  #lines: LogLine[] = []
  #stop = new AbortController()
  #number = 0

  constructor(source: TailSource<Line>) {
    this.#source = source
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

  want(): void {
    // All that is kept is at hand.
  }

  indexOf(seq: number): number {
    return Math.max(0, seq - (this.#lines[0]?.seq ?? 1))
  }

  /** Reads the end, and follows from there until the log has ended. */
  async start(): Promise<void> {
    this.#stop = new AbortController()
    const { signal } = this.#stop
    try {
      const { lines, ended, follow } = await this.#source.read(firstLines, { signal })
      this.isCut = lines.length >= firstLines
      this.#lines = []
      this.#number = 0
      this.#add(lines)
      this.isLoading = false
      if (!ended) await followStream<Line>({ open: follow, take: (block) => this.#add(linesOf(block)), signal })
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

  #add(lines: readonly Line[]): void {
    const { show = (line: Line): LogLine => line } = this.#source
    for (const line of lines) this.#lines.push(show(line, ++this.#number))
    if (this.#lines.length > mostLines) {
      this.#lines = this.#lines.slice(-mostLines)
      this.isCut = true
    }
    this.#watchers.changed()
  }
}

function linesOf<Line extends LogLine>(block: Line): Line[] {
  return block.text.split('\n').map((text, place) => ({ ...block, seq: block.seq + place, text }))
}
