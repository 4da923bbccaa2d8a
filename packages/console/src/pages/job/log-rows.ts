import type { LogLine } from '@nabla/api/log'

/** Rows of a log, of which only some are at hand: the whole log, or the lines that were asked for. */
export interface LogRows {
  /** How many there are so far. */
  readonly count: number
  /** Grows with every change; what is drawn depends on it. */
  readonly version: number
  /** A row, from 0 on; undefined while it is being read. */
  row(index: number): LogLine | undefined
  /** Says which rows are in sight, so that they are read and others may be forgotten. */
  want(first: number, last: number): void
  /** Where a line stands, or would stand. */
  indexOf(seq: number): number
  subscribe(watcher: () => void): () => void
}

/** Tells those who draw, once for each picture of the screen. */
export class Watchers {
  version = 0
  readonly #watchers = new Set<() => void>()
  #frame = 0

  subscribe = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  changed(): void {
    if (this.#frame !== 0) return
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0
      this.version += 1
      for (const watcher of this.#watchers) watcher()
    })
  }

  stop(): void {
    cancelAnimationFrame(this.#frame)
    this.#frame = 0
  }
}
