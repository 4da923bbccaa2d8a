import type { SweepRow } from '../../db/sweep-tables.ts'
import { fromIso } from '../../lib/clock.ts'

/** When a job began and ended. */
export interface Span {
  startedAt: string | null
  endedAt: string | null
}

const hourMs = 3_600_000

/** What a job has cost until now: null where no price is known. One that never began has cost nothing. */
export function costOf({ startedAt, endedAt }: Span, pricePerHour: number | null, now: number): number | null {
  if (pricePerHour === null) return null
  if (startedAt === null) return 0
  const until = endedAt === null ? now : fromIso(endedAt)
  return (Math.max(0, until - fromIso(startedAt)) / hourMs) * pricePerHour
}

/** What all trials of a sweep have cost until now; `jobs` are those of trials that count as running. */
export function spentBy(
  { spent, pricePerHour }: Pick<SweepRow, 'spent' | 'pricePerHour'>,
  jobs: readonly Span[],
  now: number,
): number {
  return jobs.reduce((sum, job) => sum + (costOf(job, pricePerHour, now) ?? 0), spent)
}
