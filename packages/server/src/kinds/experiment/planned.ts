import { type ExperimentSpec, experimentSpec } from '@nabla/api/experiment'
import type { JobState } from '@nabla/api/job'
import type { Transaction } from 'kysely'
import type { ExperimentRow } from '../../db/experiment-tables.ts'
import type { Tables } from '../../db/tables.ts'
import type { TaskExit } from '../../engines/engine.ts'
import type { PlannedKind, Remains } from '../planned.ts'
import { stopJobs } from '../job/stop.ts'
import { plannedRows } from '../planned-rows.ts'
import { createNodes } from './create-nodes.ts'
import { type ExperimentChanges, type NewNode, type NodeJob, planExperiment } from './plan.ts'
import { planSweep } from '../sweep/plan.ts'
import type { SweepRow } from '../../db/sweep-tables.ts'

/** Parses the `spec` column. */
export function readExperimentSpec(row: Pick<ExperimentRow, 'spec'>): ExperimentSpec {
  return experimentSpec.parse(JSON.parse(row.spec))
}

/** An experiment with the jobs of its present attempt; a sweep with those that have not ended. */
export interface LoadedExperiment extends ExperimentRow {
  jobs: NodeJob[]
  sweep: SweepRow | null
}

/** How the control loop handles experiments. They own jobs, and no tasks. */
export const experimentKind: PlannedKind<LoadedExperiment, ExperimentChanges, NewNode> = {
  ...plannedRows('experiments'),
  prefix: 'e',
  ownsTasks: false,

  async load(trx, ids) {
    const rows = await trx.selectFrom('experiments').selectAll().where('id', 'in', ids).execute()
    const jobs = await loadJobs(trx, ids)
    const sweeps = await trx.selectFrom('sweeps').selectAll().where('experimentId', 'in', ids).execute()
    const sweepOf = new Map(sweeps.map((sweep) => [sweep.experimentId, sweep]))
    return rows.map((row) => ({ ...row, jobs: jobs.get(row.id) ?? [], sweep: sweepOf.get(row.id) ?? null }))
  },

  /** One that was made to be started later waits for that. */
  async open(trx) {
    const rows = await trx
      .selectFrom('experiments')
      .select('id')
      .where('endedAt', 'is', null)
      .where('startRequestedAt', 'is not', null)
      .execute()
    return rows.map((row) => row.id)
  },

  plan(row, _tasks, now) {
    const { jobs, sweep } = row
    const spec = readExperimentSpec(row)
    if (spec.kind === 'sweep') return sweep === null ? [] : planSweep({ row, spec, sweep, jobs }, now)
    return planExperiment({ row, spec, jobs }, now)
  },

  create: createNodes,

  stop: stopJobs,

  purgeable,
  forget,
}

async function loadJobs(trx: Transaction<Tables>, ids: readonly string[]): Promise<Map<string, NodeJob[]>> {
  const rows = await trx
    .selectFrom('jobs')
    .innerJoin('experiments', 'experiments.id', 'jobs.experimentId')
    .whereRef('jobs.nodeAttempt', '=', 'experiments.attempt')
    .where('jobs.experimentId', 'in', ids)
    // A sweep has thousands, and what those came to that have ended is in its trials.
    .where(({ eb, or }) => or([eb('experiments.kind', '!=', 'sweep'), eb('jobs.endedAt', 'is', null)]))
    .select(['jobs.id', 'jobs.experimentId', 'jobs.nodeRole', 'jobs.nodeIndex', 'jobs.nodeRank', 'jobs.state'])
    .select(['jobs.reason', 'jobs.exitCode', 'jobs.stopWhy', 'jobs.stopRequestedAt', 'jobs.startedAt', 'jobs.endedAt'])
    .orderBy('jobs.nodeRank')
    .execute()
  if (rows.length === 0) return new Map()
  const tasks = await trx
    .selectFrom('tasks')
    .select(['ownerId', 'state', 'startedAt', 'exit', 'stopReason'])
    .where(
      'ownerId',
      'in',
      rows.map(({ id }) => id),
    )
    .orderBy('attempt')
    .execute()
  const latest = new Map(tasks.map((task) => [task.ownerId, task]))
  const jobs = rows.map(({ experimentId, nodeRole, nodeIndex, nodeRank, ...row }) => {
    const task = latest.get(row.id)
    const node = { role: nodeRole ?? '', rank: nodeRank ?? 0, host: `${nodeRole}-${nodeIndex}` }
    const isUp = row.endedAt !== null || task?.state === 'running'
    return { experimentId, job: { ...row, ...node, state: row.state as JobState, isUp, blame: blameOf(row, task) } }
  })
  const groups = Map.groupBy(jobs, ({ experimentId }) => experimentId!)
  return new Map([...groups].map(([id, own]) => [id, own.map(({ job }) => job)]))
}

function blameOf(
  job: { state: string },
  task: { exit: string | null; stopReason: string | null } | undefined,
): NodeJob['blame'] {
  if (task?.stopReason === 'late') return 'machine'
  if (job.state === 'cancelled' || (task?.stopReason ?? null) !== null) return 'nobody'
  return task?.exit ? (JSON.parse(task.exit) as TaskExit).blame : 'user'
}

/** Experiments deleted at a time: keeps the transaction short. */
const purgeBatch = 200

/** Once their jobs are gone. */
async function purgeable(trx: Transaction<Tables>): Promise<Remains[]> {
  const rows = await trx
    .selectFrom('experiments')
    .select('id')
    .where('deletedAt', 'is not', null)
    .where('endedAt', 'is not', null)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('jobs').select('jobs.id').whereRef('jobs.experimentId', '=', 'experiments.id'))),
    )
    .limit(purgeBatch)
    .execute()
  return rows.map(({ id }) => ({ id, volumes: [] }))
}

async function forget(trx: Transaction<Tables>, remains: readonly Remains[]): Promise<void> {
  const ids = remains.map(({ id }) => id)
  await trx.deleteFrom('tags').where('subjectId', 'in', ids).execute()
  await trx.deleteFrom('jobDatasets').where('jobId', 'in', ids).execute()
  await trx.deleteFrom('jobModels').where('jobId', 'in', ids).execute()
  for (const table of ['sweeps', 'trials', 'trialEvents'] as const) {
    await trx.deleteFrom(table).where('experimentId', 'in', ids).execute()
  }
  await trx.deleteFrom('experiments').where('id', 'in', ids).execute()
}
