import type { JobState } from '@nabla/api/job'
import { needsOf } from '@nabla/api/workflow-check'
import type { WorkflowSpec } from '@nabla/api/workflow-spec'
import type { WorkflowJobState } from '@nabla/api/workflow-state'
import type { WorkflowJobRow, WorkflowOutputRow, WorkflowRunRow } from '../../db/workflow-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { PlannedKind, Remains } from '../planned.ts'
import { stopJobs } from '../job/stop.ts'
import { plannedRows } from '../planned-rows.ts'
import { createParts } from './create-parts.ts'
import { type NewPart, planRun, type RunChanges, type Step } from './plan.ts'

/** A run with what it consists of. */
export interface LoadedRun extends WorkflowRunRow {
  steps: Step[]
}

const rows = plannedRows('workflowRuns')

/** How the control loop handles runs of workflows. They own jobs, and no tasks. */
export const workflowKind: PlannedKind<LoadedRun, RunChanges, NewPart> = {
  ...rows,
  prefix: 'wr',
  ownsTasks: false,

  async load(trx, ids) {
    const runs = await trx.selectFrom('workflowRuns').selectAll().where('id', 'in', ids).execute()
    const jobs = await loadJobs(trx, ids)
    const outputs = await trx
      .selectFrom('workflowOutputs')
      .select(['runId', 'job', 'name', 'state', 'reason'])
      .where('runId', 'in', ids)
      .orderBy('id')
      .execute()
    return runs.map((run) => {
      const spec = JSON.parse(run.spec) as WorkflowSpec
      const own = jobs.filter(({ runId }) => runId === run.id)
      const left = outputs.filter(({ runId }) => runId === run.id)
      return { ...run, steps: own.map((row) => toStep(row, spec, left)) }
    })
  },

  plan: ({ steps, ...row }, _tasks, now) => planRun({ row, steps }, now),

  async update(trx, row, { steps = {}, ...changes }) {
    if (!(await rows.update(trx, row, changes))) return false
    for (const [name, step] of Object.entries(steps)) {
      await trx.updateTable('workflowJobs').set(step).where('runId', '=', row.id).where('name', '=', name).execute()
      if (step.state === 'cancelled') await giveUpOutputs(trx, row.id, name)
    }
    return true
  },

  create: createParts,

  stop: stopJobs,

  purgeable,
  forget,
}

async function loadJobs(trx: Trx, ids: readonly string[]) {
  return trx
    .selectFrom('workflowJobs')
    .leftJoin('jobs', 'jobs.id', 'workflowJobs.jobId')
    .selectAll('workflowJobs')
    .select(['jobs.state as ownState', 'jobs.reason as ownReason', 'jobs.startedAt as ownStartedAt'])
    .select(['jobs.endedAt as ownEndedAt', 'jobs.stopRequestedAt as ownStopRequestedAt', 'jobs.deletedAt as goneAt'])
    .where('workflowJobs.runId', 'in', ids)
    .orderBy('workflowJobs.position')
    .execute()
}

type Loaded = Awaited<ReturnType<typeof loadJobs>>[number]

function toStep(
  row: Loaded,
  spec: WorkflowSpec,
  outputs: readonly Pick<WorkflowOutputRow, 'job' | 'name' | 'state' | 'reason'>[],
): Step {
  const job = spec.jobs[row.name]!
  const ownWork = job.uses === 's3-download@v1' || job.uses === 'create-model@v1'
  return {
    name: row.name,
    state: row.state as WorkflowJobState,
    reason: row.reason,
    needs: needsOf(job),
    ownWork,
    hasOutputs: ownWork || Object.keys(job.outputs ?? {}).length > 0,
    startedAt: row.startedAt,
    job: jobOf(row),
    outputs: outputs
      .filter(({ job: owner }) => owner === row.name)
      .map(({ name, state, reason }) => ({ name, reason, state: state as 'preparing' | 'ready' | 'failed' })),
  }
}

/** One that was deleted counts until its task has ended: nothing of a run goes on behind its back. */
function jobOf(row: Loaded): Step['job'] {
  if (row.jobId === null || row.ownState === null) return null
  if (row.goneAt !== null && row.ownEndedAt !== null) return null
  return {
    id: row.jobId,
    state: row.ownState as JobState,
    reason: row.ownReason,
    startedAt: row.ownStartedAt,
    endedAt: row.ownEndedAt,
    stopRequestedAt: row.ownStopRequestedAt,
  }
}

/** What was stopped is not put away any more. */
async function giveUpOutputs(trx: Trx, runId: string, job: WorkflowJobRow['name']): Promise<void> {
  await trx
    .updateTable('workflowOutputs')
    .set({ state: 'failed', reason: 'The run was stopped.' })
    .where('runId', '=', runId)
    .where('job', '=', job)
    .where('state', '=', 'preparing')
    .execute()
}

/** Runs deleted at a time: keeps the transaction short. */
const purgeBatch = 50

/** Once their jobs are gone. */
async function purgeable(trx: Trx): Promise<Remains[]> {
  const runs = await trx
    .selectFrom('workflowRuns')
    .select('id')
    .where('deletedAt', 'is not', null)
    .where('endedAt', 'is not', null)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('jobs').select('jobs.id').whereRef('jobs.workflowRunId', '=', 'workflowRuns.id'))),
    )
    .limit(purgeBatch)
    .execute()
  const ids = runs.map(({ id }) => id)
  if (ids.length === 0) return []
  const outputs = trx.selectFrom('workflowOutputs').select(['runId', 'volumeId as volume'])
  const texts = trx.selectFrom('workflowJobs').select(['runId', 'textsId as volume'])
  const volumes = [
    ...(await outputs.where('runId', 'in', ids).where('volumeId', 'is not', null).execute()),
    ...(await texts.where('runId', 'in', ids).where('textsId', 'is not', null).execute()),
  ]
  return ids.map((id) => ({
    id,
    volumes: volumes.filter(({ runId }) => runId === id).flatMap(({ volume }) => volume ?? []),
  }))
}

async function forget(trx: Trx, remains: readonly Remains[]): Promise<void> {
  const ids = remains.map(({ id }) => id)
  const volumes = remains.flatMap((one) => one.volumes)
  if (volumes.length > 0) await trx.deleteFrom('volumes').where('id', 'in', volumes).execute()
  await trx.deleteFrom('workflowOutputs').where('runId', 'in', ids).execute()
  await trx.deleteFrom('workflowJobs').where('runId', 'in', ids).execute()
  await trx.deleteFrom('workflowRuns').where('id', 'in', ids).execute()
  await trx
    .deleteFrom('workflows')
    .where('deletedAt', 'is not', null)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('workflowRuns').select('workflowRuns.id').whereRef('workflowRuns.workflowId', '=', 'workflows.id'),
        ),
      ),
    )
    .execute()
}
