import type { Trial } from './sweep.ts'

/** One trial as a bar: from and to in ms since 1970, in a lane where no other runs meanwhile. */
export interface LaneBar {
  trial: Trial
  from: number
  to: number
  lane: number
}

/** Puts trials into as few lanes as there were at a time; `now` ends those that run. */
export function lanesOf(trials: readonly Trial[], now: number): { bars: LaneBar[]; lanes: number } {
  const freeAt: number[] = []
  const bars = trials.map((trial): LaneBar => {
    const from = Date.parse(trial.askedAt)
    const to = Math.max(from, trial.endedAt === null ? now : Date.parse(trial.endedAt))
    const free = freeAt.findIndex((until) => until <= from)
    const lane = free === -1 ? freeAt.length : free
    freeAt[lane] = to
    return { trial, from, to, lane }
  })
  return { bars, lanes: freeAt.length }
}
