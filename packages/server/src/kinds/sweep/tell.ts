import type { TrialState } from '@nabla/api/sweep'
import type { TrialRow } from '../../db/sweep-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { recordEvents } from '../../events/record.ts'
import { toIso } from '../../lib/clock.ts'
import type { Outcome } from '../../search/searcher.ts'
import type { OpenSweep } from './journal.ts'

/** How a trial ended. */
export interface TrialEnd {
  state: Exclude<TrialState, 'running'>
  /** One for each objective; empty for one that failed. */
  objectives: readonly number[]
  step: number
  reason: string | null
  /** Null where no price is known, or it has no job. */
  cost: number | null
}

/** An experiment, for the event that tells of its trials. */
export interface Subject {
  id: string
  teamId: string
  projectId: string
  name: string
}

/** Writes down how a running trial ended, and tells the searcher. */
export async function tell(
  trx: Trx,
  subject: Subject,
  sweep: OpenSweep,
  trial: Pick<TrialRow, 'experimentId' | 'number' | 'parameters' | 'generation' | 'fromTrial'>,
  { state, objectives, step, reason, cost }: TrialEnd,
  now: number,
): Promise<void> {
  const { experimentId, number } = trial
  const outcome: Outcome = {
    number,
    values: JSON.parse(trial.parameters) as Outcome['values'],
    ...(trial.generation === null ? {} : { generation: trial.generation }),
    ...(trial.fromTrial === null ? {} : { from: trial.fromTrial }),
    state,
    objectives,
    step,
  }
  await sweep.happened({ type: 'told', outcome })
  await trx
    .updateTable('trials')
    .set({
      state,
      objectives: state === 'failed' ? null : JSON.stringify(objectives),
      step,
      reason,
      endedAt: toIso(now),
      cost,
    })
    .where('experimentId', '=', experimentId)
    .where('number', '=', number)
    .execute()
  const { row } = sweep
  row[state] += 1
  row.failureStreak = state === 'failed' ? row.failureStreak + 1 : 0
  if (state === 'failed') row.lastFailure = reason
  row.spent += cost ?? 0
  const { failureStreak, lastFailure, spent } = row
  await trx
    .updateTable('sweeps')
    .set({ [state]: row[state], failureStreak, lastFailure, spent })
    .where('experimentId', '=', experimentId)
    .execute()
  const { id, teamId, projectId, name } = subject
  const data = { name, trial: number, state, ...(reason === null ? {} : { reason }) }
  await recordEvents(trx, now, [{ teamId, projectId, subject: id, type: 'experiment.trial_ended', actor: null, data }])
}
