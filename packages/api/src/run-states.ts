import type { MetricValue } from './run.ts'

/**
 * The states of a run. A run is what one program tracks of itself: parameters, metrics, tags, notes. A job has one from
 * the moment that its program logs anything; a program elsewhere makes its own.
 */
export const runStates = {
  scheduled: { ended: false, label: 'Scheduled', about: 'Announced, and not begun.' },
  running: { ended: false, label: 'Running', about: 'Its program has not said that it has ended.' },
  finished: { ended: true, label: 'Finished', about: 'Its program ended as it should.' },
  failed: { ended: true, label: 'Failed', about: 'Its program, or its job, failed.' },
  killed: { ended: true, label: 'Killed', about: 'It was stopped before its end.' },
} as const

export type RunState = keyof typeof runStates

/** The number that a value on the wire means. */
export function numberOf(value: MetricValue): number {
  return Number(value)
}

/** A number as it goes on the wire. */
export function valueOf(number: number): MetricValue {
  if (Number.isFinite(number)) return number
  return Number.isNaN(number) ? 'NaN' : number > 0 ? 'Infinity' : '-Infinity'
}

/** Bounds of what one run tracks; beyond them a request is refused with a sentence. */
export const runLimits = {
  nameLength: 250,
  paramLength: 6000,
  tagLength: 8000,
  noteLength: 100_000,
  metricsPerRun: 10_000,
  paramsPerRun: 2000,
  valuesPerRequest: 10_000,
} as const
