/** What was sent longer ago than this says nothing about now. */
const windowMs = 5000
/** What is sent within this time is kept as one. */
const stepMs = 250

/** How fast bytes go, over the last seconds. */
export class Rate {
  #steps: { from: number; bytes: number }[] = []

  /** `at` is in ms since 1970. */
  add(bytes: number, at: number): void {
    const last = this.#steps.at(-1)
    if (last && at - last.from < stepMs) last.bytes += bytes
    else this.#steps.push({ from: at, bytes })
    while (this.#steps[0] && at - this.#steps[0].from > windowMs) this.#steps.shift()
  }

  /** Bytes a second. */
  at(at: number): number {
    const recent = this.#steps.filter(({ from }) => at - from <= windowMs)
    const sum = recent.reduce((total, { bytes }) => total + bytes, 0)
    return recent[0] ? (sum * 1000) / Math.max(stepMs, at - recent[0].from) : 0
  }
}
