import type { Transaction } from 'kysely'
import type { ChildStop } from '../../control/action.ts'
import type { Tables } from '../../db/tables.ts'
import { toIso } from '../../lib/clock.ts'

/** Asks jobs that something else has made to stop; see `PlannedKind.stop`. */
export async function stopJobs(trx: Transaction<Tables>, stops: readonly ChildStop[], now: number): Promise<void> {
  for (const { id, graceMs, why } of stops) {
    await trx
      .updateTable('jobs')
      .set(({ eb }) => ({
        stopRequestedAt: toIso(now),
        stopGraceMs: graceMs,
        stopWhy: why,
        version: eb('version', '+', 1),
      }))
      .where('id', '=', id)
      .where('endedAt', 'is', null)
      .where('stopRequestedAt', 'is', null)
      .execute()
  }
}
