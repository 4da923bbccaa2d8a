import type { Figures } from './meter.ts'

/** So many looks at the figures: what one of them shows alone jumps from second to second. */
const looks = 5

/** How many requests per second routes had in the last seconds, all their revisions together. */
export class Lately {
  #rates = new Map<string, number[]>()

  /** At each look, of all routes that there are; others are forgotten. */
  note(figures: ReadonlyMap<string, ReadonlyMap<number, Figures>>): void {
    this.#rates = new Map(
      [...figures].map(([id, revisions]) => {
        const rate = [...revisions.values()].reduce((sum, { requestRate }) => sum + requestRate, 0)
        return [id, [...(this.#rates.get(id) ?? []), rate].slice(-looks)]
      }),
    )
  }

  /** Requests per second; 0 for a route that is not known. */
  rateOf(id: string): number {
    const rates = this.#rates.get(id) ?? []
    return rates.reduce((sum, rate) => sum + rate, 0) / Math.max(1, rates.length)
  }
}
