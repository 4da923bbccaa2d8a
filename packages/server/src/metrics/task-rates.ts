import type { TaskSample } from '../engines/engine.ts'
import type { SeriesValue } from './series.ts'

/** One measurement of a task, with the time on the steady clock in milliseconds. */
export interface Measured {
  steady: number
  sample: TaskSample
}

/**
 * The figures of a task that are kept over time: what it uses now, and how fast what it has used grew since the
 * measurement before. What is not known, or has gone down, is left out.
 */
export function taskValues(now: Measured, before: Measured | undefined): SeriesValue[] {
  const { sample } = now
  const seconds = before ? (now.steady - before.steady) / 1000 : 0
  const grown = (name: keyof Omit<TaskSample, 'id'>): number | undefined => {
    const [to, from] = [sample[name], before?.sample[name]]
    return to === undefined || from === undefined || to < from || seconds <= 0 ? undefined : to - from
  }
  const rate = (name: keyof Omit<TaskSample, 'id'>) => {
    const growth = grown(name)
    return growth === undefined ? undefined : growth / seconds
  }
  const named = {
    cpu: rate('cpuSeconds'),
    cpuThrottled: percentOf(grown('cpuThrottledPeriods'), grown('cpuPeriods')),
    memory: sample.memoryBytes,
    memoryPeak: sample.memoryPeakBytes,
    diskRead: rate('diskReadBytes'),
    diskWrite: rate('diskWriteBytes'),
    networkIn: rate('networkInBytes'),
    networkOut: rate('networkOutBytes'),
    processes: sample.processes,
  }
  return Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [{ name, labels: {}, value }]))
}

/** A task that wanted nothing was not held back. */
function percentOf(part: number | undefined, whole: number | undefined): number | undefined {
  if (part === undefined || whole === undefined) return undefined
  return whole === 0 ? 0 : (part / whole) * 100
}
