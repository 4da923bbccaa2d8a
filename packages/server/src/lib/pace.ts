import type { Clock } from './clock.ts'
import { limits } from './limits.ts'

/** Lets others have their turn in the middle of long work that would otherwise keep the process busy. */
export interface Pace {
  /** Resolves at once while little time has passed since the last turn of the others, and after theirs otherwise. */
  rest(): Promise<void> | undefined
}

export function makePace(clock: Clock, sliceMs: number = limits.sliceMs): Pace {
  let since = clock.steady()
  return {
    rest() {
      if (clock.steady() - since < sliceMs) return undefined
      return othersTurn().then(() => {
        since = clock.steady()
      })
    },
  }
}

/** Lets all that waits have its turn. Queries of SQLite alone do not: they are answered at once. */
export function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
