import type { SweepSpec } from '@nabla/api/experiment'
import type { ExperimentRow } from '../../db/experiment-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { toIso } from '../../lib/clock.ts'
import type { Proposal } from '../../search/searcher.ts'
import type { Values } from '../../search/dimension.ts'
import type { TaskRequest } from '../../tasks/task.ts'
import { type PreparedJob, storeJob } from '../job/submit.ts'
import type { Caller } from '../kind.ts'
import { commandWith, environmentFor } from './values.ts'
import type { OpenSweep } from './journal.ts'

/** Everything that the job of a trial needs but for the values. */
export interface TrialJob {
  caller: Caller
  prepared: PreparedJob
}

/** Makes the next trials with their jobs, `count` at most. Answers with the ids of the jobs. */
export async function createTrials(
  deps: Deps,
  trx: Trx,
  row: ExperimentRow,
  spec: SweepSpec,
  job: TrialJob,
  count: number,
  now: number,
): Promise<string[]> {
  const sweep = await deps.searches.open(trx, row.id, spec.search)
  const ids: string[] = []
  if (!sweep) return ids
  for (let made = 0; made < count; made++) {
    const number = sweep.row.asked
    const proposal = await takeNext(trx, sweep, now)
    if (proposal === 'done') deps.loop.wake(row.id)
    if (typeof proposal === 'string') break
    const id = await storeTrialJob(trx, row, job, number, proposal, now)
    await trx
      .updateTable('trials')
      .set({ jobId: id })
      .where('experimentId', '=', row.id)
      .where('number', '=', number)
      .execute()
    ids.push(id)
  }
  return ids
}

/** Asks the searcher, and writes the trial down. `done` is written down too. */
export async function takeNext(trx: Trx, sweep: OpenSweep, now: number): Promise<Proposal | 'wait' | 'done'> {
  const { experimentId, asked: number } = sweep.row
  const proposal = sweep.search.ask(number)
  if (proposal === 'done') {
    await trx
      .updateTable('sweeps')
      .set({ exhaustedAt: toIso(now) })
      .where('experimentId', '=', experimentId)
      .execute()
  }
  if (typeof proposal === 'string') return proposal
  await sweep.happened({ type: 'asked', number, proposal })
  await trx
    .insertInto('trials')
    .values({
      experimentId,
      number,
      parameters: JSON.stringify(proposal.values),
      generation: proposal.generation ?? null,
      fromTrial: proposal.from ?? null,
      state: 'running',
      objectives: null,
      step: 0,
      reports: 0,
      reason: null,
      jobId: null,
      stopRequestedAt: null,
      askedAt: toIso(now),
      endedAt: null,
      cost: null,
    })
    .execute()
  sweep.row.asked += 1
  await trx.updateTable('sweeps').set({ asked: sweep.row.asked }).where('experimentId', '=', experimentId).execute()
  return proposal
}

async function storeTrialJob(
  trx: Trx,
  row: ExperimentRow,
  { caller, prepared }: TrialJob,
  number: number,
  { values, from }: Proposal,
  now: number,
): Promise<string> {
  const host = `trial-${number}`
  const own = environmentFor(row, number, values, from)
  const command = commandWith(prepared.spec.command, values)
  const adapt = (request: TaskRequest): TaskRequest => ({
    ...request,
    command: commandWith(request.command, values),
    env: { ...request.env, ...own, ...prepared.spec.env },
    // Alone in its gang: what it brings is the file with the values.
    gang: { id: `${row.id}-${number}`, size: 1, hostname: host, hosts: {}, files: { 'params.json': fileOf(values) } },
  })
  const columns = { experimentId: row.id, nodeRole: 'trial', nodeIndex: number, nodeRank: number, nodeAttempt: 1 }
  const name = `${row.name.slice(0, 80).trimEnd()}-${host}`
  const submission = { ...prepared.submission, name, node: { ...columns, adapt } }
  return storeJob(trx, caller, { ...prepared, spec: { ...prepared.spec, command }, submission }, now)
}

const fileOf = (values: Values): string => `${JSON.stringify(values, null, 2)}\n`
