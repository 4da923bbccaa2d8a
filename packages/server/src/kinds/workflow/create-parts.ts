import type { WorkflowSpec } from '@nabla/api/workflow-spec'
import type { WorkflowRunRow } from '../../db/workflow-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import type { Caller } from '../kind.ts'
import { insertOutputs } from './outputs.ts'
import type { NewPart } from './plan.ts'
import { makeStepJob } from './step-job.ts'

/**
 * Makes jobs that may begin, and writes down which outputs are to be put away. A job that cannot be made, as when its
 * machine type is gone since, has failed with the reason. Answers with what is to be looked at next.
 */
export async function createParts(
  deps: Deps,
  trx: Trx,
  run: WorkflowRunRow,
  parts: readonly NewPart[],
  now: number,
): Promise<string[]> {
  const spec = JSON.parse(run.spec) as WorkflowSpec
  const caller = await callerOf(trx, run)
  const next = new Set<string>()
  for (const { step, make } of parts) {
    if (make === 'outputs') {
      await insertOutputs(trx, run, spec, step, await jobOf(trx, run.id, step), now)
      continue
    }
    try {
      next.add(await makeStepJob(deps, trx, caller, run, spec, step, now))
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      await fail(trx, run, step, `${error.message} ${error.hint}`, now)
      next.add(run.id)
    }
  }
  return [...next]
}

/** Whoever began the run makes its jobs. */
export async function callerOf(trx: Pick<Trx, 'selectFrom'>, run: WorkflowRunRow): Promise<Caller> {
  const user = await trx.selectFrom('users').select('name').where('id', '=', run.createdBy).executeTakeFirst()
  const { teamId, createdBy: userId } = run
  return { userId, userName: user?.name ?? '', teamId, teamName: '', role: 'member', keyId: null, sessionId: null }
}

async function jobOf(trx: Trx, runId: string, name: string): Promise<string | null> {
  const row = await trx
    .selectFrom('workflowJobs')
    .select('jobId')
    .where('runId', '=', runId)
    .where('name', '=', name)
    .executeTakeFirst()
  return row?.jobId ?? null
}

async function fail(trx: Trx, run: WorkflowRunRow, name: string, reason: string, now: number): Promise<void> {
  await trx
    .updateTable('workflowJobs')
    .set({ state: 'failed', reason, endedAt: toIso(now) })
    .where('runId', '=', run.id)
    .where('name', '=', name)
    .execute()
}
