/** The only place that reads the time. Tests pass a clock of their own; nothing else is faked. */
export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  now(): number
  /** Milliseconds since some moment; never jumps when the wall clock is set. For measuring how long something took. */
  steady(): number
  /** Calls `run` once after `ms`; returns a function that cancels it. */
  after(ms: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
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
  #steady = 0
  #due: { at: number; run: () => void }[] = []

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  steady(): number {
    return this.#steady
  }

  after(ms: number, run: () => void): () => void {
    const entry = { at: this.#steady + ms, run }
    this.#due.push(entry)
    return () => {
      this.#due = this.#due.filter((other) => other !== entry)
    }
  }

  /** How many calls are still to come: tells a test that what it waits for has been set up. */
  get pending(): number {
    return this.#due.length
  }

  advance(ms: number): void {
    const end = this.#steady + ms
    for (;;) {
      const next = this.#due.filter((entry) => entry.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#due = this.#due.filter((entry) => entry !== next)
      this.#moveTo(Math.max(this.#steady, next.at))
      next.run()
    }
    this.#moveTo(end)
  }

  /** Sets the wall clock without time passing: what an NTP step or an operator does. */
  jump(ms: number): void {
    this.#now += ms
  }

  #moveTo(steady: number): void {
    this.#now += steady - this.#steady
    this.#steady = steady
  }
}
