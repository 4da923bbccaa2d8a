import { type JobSpec, jobSpec } from '@nabla/api/job'
import type { Transaction } from 'kysely'
import type { JobRow, Tables } from '../../db/tables.ts'
import { fromIso } from '../../lib/clock.ts'
import type { NewTask } from '../../tasks/task.ts'
import { readWanted, type WantedVersion } from '../dataset/mounts.ts'
import { endRunsOfJob, forgetRunsOfJobs } from '../run/end.ts'
import { versionOfJob } from '../model/of-job.ts'
import { type JobChanges, type JobWant, planJob } from './plan.ts'
import type { PlannedKind, Remains } from '../planned.ts'
import { plannedRows, purgeableOwners } from '../planned-rows.ts'

/** The part of the task request that depends on the machine type: fixed when the job is submitted. */
export interface StoredJobSpec {
  spec: JobSpec
  task: Omit<NewTask, 'attempt' | 'ownerId' | 'teamId'>
}

/** Parses the `spec` column. */
export function readSpec(row: Pick<JobRow, 'spec'>): StoredJobSpec {
  const stored = JSON.parse(row.spec) as StoredJobSpec
  return { spec: jobSpec.parse(stored.spec), task: stored.task }
}

/** A job with the versions that it still waits for. */
export interface WaitingJob extends JobRow {
  wanted: WantedVersion[]
}

const rows = plannedRows('jobs')

/** How the control loop handles jobs. */
export const jobKind: PlannedKind<WaitingJob, JobChanges> = {
  ...rows,
  prefix: 'j',
  ownsTasks: true,

  async load(trx, ids) {
    const found = await trx.selectFrom('jobs').selectAll().where('id', 'in', ids).execute()
    const pending = found.filter(({ state }) => state === 'pending').map(({ id }) => id)
    const wanted = await readWanted(trx, pending)
    return found.map((row) => ({ ...row, wanted: wanted.get(row.id) ?? [] }))
  },

  plan: (row, tasks, now) => planJob(toWant(row), tasks, now),

  parentOf: (row) => row.experimentId ?? row.workflowRunId,

  async update(trx, row, changes) {
    const isWritten = await rows.update(trx, row, changes)
    if (isWritten && changes.endedAt) await endRunsOfJob(trx, row.id, changes.state ?? row.state, changes.endedAt)
    if (isWritten && changes.state === 'succeeded') {
      await versionOfJob(trx, row, readSpec(row).spec, fromIso(changes.endedAt ?? row.createdAt))
    }
    return isWritten
  },

  purgeable,
  forget,
}

function toWant(row: WaitingJob): JobWant {
  const { spec, task } = readSpec(row)
  const { id: ownerId, teamId, wanted } = row
  const requestFor = (attempt: number) => {
    // A node is told the attempt of its experiment.
    return { ...task.request, env: { NABLA_ATTEMPT: String(attempt), ...task.request.env } }
  }
  return {
    row,
    spec,
    wanted,
    taskFor: (attempt) => ({ ...task, ownerId, teamId, attempt, request: requestFor(attempt) }),
  }
}

async function purgeable(trx: Transaction<Tables>): Promise<Remains[]> {
  const ids = await purgeableOwners(trx, 'jobs')
  if (ids.length === 0) return []
  const found = await trx.selectFrom('jobs').select(['id', 'artifactsId']).where('id', 'in', ids).execute()
  return found.map((row) => ({ id: row.id, volumes: [row.artifactsId] }))
}

async function forget(trx: Transaction<Tables>, remains: readonly Remains[]): Promise<void> {
  const ids = remains.map((job) => job.id)
  const volumes = remains.flatMap((job) => job.volumes)
  await trx.deleteFrom('tasks').where('ownerId', 'in', ids).execute()
  await trx.deleteFrom('tags').where('subjectId', 'in', ids).execute()
  await trx.deleteFrom('volumes').where('id', 'in', volumes).execute()
  await trx.deleteFrom('jobDatasets').where('jobId', 'in', ids).execute()
  await trx.deleteFrom('jobModels').where('jobId', 'in', ids).execute()
  await forgetRunsOfJobs(trx, ids)
  await trx.deleteFrom('jobs').where('id', 'in', ids).execute()
}
