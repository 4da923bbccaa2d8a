import type { Job, JobPhase, JobState, JobSummary } from '@nabla/api/job'
import type { Expression } from 'kysely'
import { column } from '../../db/column.ts'
import type { JobRow, TaskRow, VolumeRow } from '../../db/tables.ts'
import type { Db, Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { type Task, toTask } from '../../tasks/task.ts'
import type { VolumeOrigin } from '../../volumes/origin.ts'
import { readSpec } from './planned.ts'
import { readMounts } from '../dataset/mounts.ts'
import type { Caller } from '../kind.ts'
import { readModels } from '../model/mounts.ts'

/** A job's row with the names it refers to. */
export interface JobWithNames extends JobRow {
  projectName: string
  userName: string
  experimentName: string | null
  workflowId: string | null
  workflowName: string | null
  workflowRun: number | null
}

/**
 * Selects jobs of one team that are not deleted, with the names they refer to: every read of jobs starts here.
 *
 * @param team the column of the team, where it is not to be looked up in an index
 */
export function selectJobs(
  db: Pick<Db, 'selectFrom'>,
  teamId: string,
  team: Expression<string> = column('jobs.teamId'),
) {
  return db
    .selectFrom('jobs')
    .innerJoin('projects', 'projects.id', 'jobs.projectId')
    .innerJoin('users', 'users.id', 'jobs.createdBy')
    .leftJoin('experiments', 'experiments.id', 'jobs.experimentId')
    .leftJoin('workflowRuns', 'workflowRuns.id', 'jobs.workflowRunId')
    .leftJoin('workflows', 'workflows.id', 'workflowRuns.workflowId')
    .selectAll('jobs')
    .select(['projects.name as projectName', 'users.name as userName', 'experiments.name as experimentName'])
    .select(['workflows.id as workflowId', 'workflows.name as workflowName', 'workflowRuns.number as workflowRun'])
    .where(team, '=', teamId)
    .where('jobs.deletedAt', 'is', null)
}

/** The newest job of that name, or the one with that id; another team's does not exist. */
export async function findJob(deps: Pick<Deps, 'db'>, caller: Caller, reference: string): Promise<JobWithNames> {
  const jobs = selectJobs(deps.db, caller.teamId)
  // One after the other: asked for both at once, SQLite looks through all jobs of the team.
  const row =
    (await jobs.where('jobs.id', '=', reference).executeTakeFirst()) ??
    (await jobs.where('jobs.name', '=', reference).orderBy('jobs.createdAt', 'desc').limit(1).executeTakeFirst())
  if (!row) throw new AppError('not_found', { noun: 'job', id: reference })
  return row
}

/** The row of a list. */
export function toSummary(row: JobWithNames, tags: string[]): JobSummary {
  const { spec } = JSON.parse(row.spec) as { spec: { command: string } }
  return { ...shared(row, tags), command: spec.command.slice(0, 200) }
}

/** All there is to say about one job. */
export function toJob(
  row: JobWithNames,
  parts: Pick<Job, 'tags' | 'datasets' | 'models' | 'queue' | 'firstOutputAt'> & {
    latest: Task | null
    workspace: VolumeRow | null
  },
): Job {
  const { spec } = readSpec(row)
  return {
    ...shared(row, parts.tags),
    queue: row.state === 'pending' ? parts.queue : null,
    spec,
    workspace: toWorkspace(row, parts.workspace),
    datasets: parts.datasets,
    models: parts.models,
    phases: parts.latest ? toPhases(parts.latest, row) : [],
    firstOutputAt: parts.firstOutputAt,
    parentJobId: row.parentJobId,
  }
}

function shared(row: JobWithNames, tags: string[]): Omit<JobSummary, 'command'> {
  return {
    id: row.id,
    name: row.name,
    project: { id: row.projectId, name: row.projectName },
    state: row.state as JobState,
    reason: row.reason,
    exitCode: row.exitCode,
    attempt: row.attempt,
    machineType: row.machineType,
    experiment: toNode(row),
    workflow: toStep(row),
    tags,
    createdBy: { id: row.createdBy, name: row.userName },
    stopRequestedAt: row.stopRequestedAt,
    createdAt: row.createdAt,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
  }
}

function toNode(row: JobWithNames): Job['experiment'] {
  if (row.experimentId === null) return null
  const { experimentId: id, experimentName: name, nodeRole: role, nodeIndex: index, nodeAttempt: attempt } = row
  return { id, name: name ?? '', role: role ?? '', index: index ?? 0, attempt: attempt ?? 1 }
}

function toStep({
  workflowId: id,
  workflowName: name,
  workflowRun: run,
  workflowJob: job,
}: JobWithNames): Job['workflow'] {
  return id === null || name === null || run === null ? null : { id, name, run, job: job ?? '' }
}

function toWorkspace(row: JobRow, volume: VolumeRow | null): Job['workspace'] {
  if (row.workspaceId === null) return null
  if (!volume) return { id: null, digest: null, files: 0, sizeBytes: 0, commit: null }
  const origin = volume.origin === null ? null : (JSON.parse(volume.origin) as VolumeOrigin)
  const { id, digest, files, sizeBytes } = volume
  return { id, digest, files, sizeBytes, commit: origin?.commit ?? null }
}

/** Each phase ends where the next begins; the last one with the task, or not yet. */
function toPhases(task: Task, row: JobRow): JobPhase[] {
  const phases: JobPhase[] = task.phases.map(({ phase, at, detail }, index) => {
    const next = task.phases[index + 1]
    const endedAt = next ? toIso(next.at) : task.endedAt
    return { name: phase, startedAt: toIso(at), endedAt, ...(detail === undefined ? {} : { detail }) }
  })
  if (task.endedAt !== null && row.endedAt !== null && task.phases.some(({ phase }) => phase === 'run')) {
    phases.push({ name: 'collect', startedAt: task.endedAt, endedAt: row.endedAt })
  }
  return phases
}

/** Reads what `toJob` needs beside the row. */
export async function readJobParts(db: Db, row: JobWithNames) {
  const [tags, latest, workspace, datasets, models] = await Promise.all([
    db.selectFrom('tags').select('tag').where('subjectId', '=', row.id).orderBy('tag').execute(),
    db
      .selectFrom('tasks')
      .selectAll()
      .where('ownerId', '=', row.id)
      .orderBy('attempt', 'desc')
      .limit(1)
      .executeTakeFirst(),
    row.workspaceId === null
      ? undefined
      : db.selectFrom('volumes').selectAll().where('id', '=', row.workspaceId).executeTakeFirst(),
    readMounts(db, row.id),
    readModels(db, row.id),
  ])
  return {
    tags: tags.map(({ tag }) => tag),
    latest: latest ? toTask(latest satisfies TaskRow) : null,
    workspace: workspace ?? null,
    datasets,
    models,
  }
}
