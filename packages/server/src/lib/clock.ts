/** The only place that reads the time. Tests pass a clock of their own; nothing else is faked. */
export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  now(): number
  /** Calls `run` once after `ms`; returns a function that cancels it. */
  after(ms: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Milliseconds since the epoch as the text that the database and the API hold. */
export const toIso = (ms: number): string => new Date(ms).toISOString()

/** The other way round; throws on a text that is no time. */
export function fromIso(text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new Error(`not a time: ${text}`)
  return ms
}

/** A clock that moves only when told to: `advance` runs what falls due, in order. */
export class TestClock implements Clock {
  #now: number
  #due: { at: number; run: () => void }[] = []

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): () => void {
    const entry = { at: this.#now + ms, run }
    this.#due.push(entry)
    return () => {
      this.#due = this.#due.filter((other) => other !== entry)
    }
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const next = this.#due.filter((entry) => entry.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#due = this.#due.filter((entry) => entry !== next)
      this.#now = Math.max(this.#now, next.at)
      next.run()
    }
    this.#now = end
  }

  /** Moves the wall clock without running anything: what an NTP step or an operator does. */
  jump(ms: number): void {
    this.#now += ms
  }
}
