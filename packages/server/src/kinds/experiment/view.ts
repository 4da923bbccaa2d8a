import type { Experiment, ExperimentJob, ExperimentState, ExperimentSummary } from '@nabla/api/experiment'
import type { JobState } from '@nabla/api/job'
import type { ExperimentRow } from '../../db/experiment-tables.ts'
import type { Db, Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { readMounts } from '../dataset/mounts.ts'
import type { Caller } from '../kind.ts'
import { readExperimentSpec } from './planned.ts'

/** An experiment's row with the names it refers to. */
export interface ExperimentWithNames extends ExperimentRow {
  projectName: string
  userName: string
}

/** Selects experiments of one team that are not deleted: every read of experiments starts here. */
export function selectExperiments(db: Pick<Db, 'selectFrom'>, teamId: string) {
  return db
    .selectFrom('experiments')
    .innerJoin('projects', 'projects.id', 'experiments.projectId')
    .innerJoin('users', 'users.id', 'experiments.createdBy')
    .selectAll('experiments')
    .select(['projects.name as projectName', 'users.name as userName'])
    .where('experiments.teamId', '=', teamId)
    .where('experiments.deletedAt', 'is', null)
}

/** The newest experiment of that name, or the one with that id; another team's does not exist. */
export async function findExperiment(
  deps: Pick<Deps, 'db'>,
  caller: Caller,
  reference: string,
): Promise<ExperimentWithNames> {
  const rows = selectExperiments(deps.db, caller.teamId)
  const row =
    (await rows.where('experiments.id', '=', reference).executeTakeFirst()) ??
    (await rows
      .where('experiments.name', '=', reference)
      .orderBy('experiments.createdAt', 'desc')
      .limit(1)
      .executeTakeFirst())
  if (!row) throw new AppError('not_found', { noun: 'experiment', id: reference })
  return row
}

/** The row of a list. */
export function toExperimentSummary(row: ExperimentWithNames, tags: string[]): ExperimentSummary {
  const spec = readExperimentSpec(row)
  const command = spec.kind === 'multi-node' ? spec.roles.find(({ command }) => command)?.command : spec.command
  return { ...shared(row, tags), command: (command ?? '').slice(0, 200) }
}

/** All there is to say about one experiment. */
export async function toExperiment(db: Db, row: ExperimentWithNames): Promise<Experiment> {
  const [tags, jobs, datasets] = await Promise.all([
    db.selectFrom('tags').select('tag').where('subjectId', '=', row.id).orderBy('tag').execute(),
    (row.kind === 'sweep' ? selectNodes(db, row).where('endedAt', 'is', null) : selectNodes(db, row))
      .where('nodeAttempt', '=', row.attempt)
      .execute(),
    readMounts(db, row.id),
  ])
  return {
    ...shared(
      row,
      tags.map(({ tag }) => tag),
    ),
    spec: readExperimentSpec(row),
    jobs: jobs.map(toExperimentJob),
    datasets,
    cliCommand: row.cliCommand,
    note: row.note,
    parentExperimentId: row.parentExperimentId,
  }
}

/** The jobs of an experiment that are not deleted, of all attempts, in the order they were made. */
export function selectNodes(db: Db, row: Pick<ExperimentRow, 'id'>) {
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('experimentId', '=', row.id)
    .where('deletedAt', 'is', null)
    .orderBy('nodeAttempt')
    .orderBy('nodeRank')
}

type NodeRow = Awaited<ReturnType<ReturnType<typeof selectNodes>['execute']>>[number]

function toExperimentJob(row: NodeRow): ExperimentJob {
  return {
    id: row.id,
    name: row.name,
    role: row.nodeRole ?? '',
    index: row.nodeIndex ?? 0,
    rank: row.nodeRank ?? 0,
    host: hostOf(row),
    attempt: row.nodeAttempt ?? 1,
    state: row.state as JobState,
    reason: row.reason,
    exitCode: row.exitCode,
    machineType: row.machineType,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
  }
}

/** The name by which the other nodes reach it. */
export const hostOf = ({ nodeRole, nodeIndex }: Pick<NodeRow, 'nodeRole' | 'nodeIndex'>): string =>
  `${nodeRole}-${nodeIndex}`

function shared(row: ExperimentWithNames, tags: string[]): Omit<ExperimentSummary, 'command'> {
  const spec = readExperimentSpec(row)
  return {
    id: row.id,
    name: row.name,
    project: { id: row.projectId, name: row.projectName },
    kind: spec.kind,
    scheme: spec.kind === 'multi-node' ? spec.scheme : null,
    state: row.state as ExperimentState,
    reason: row.reason,
    exitCode: row.exitCode,
    attempt: row.attempt,
    nodes: row.nodes,
    tags,
    createdBy: { id: row.createdBy, name: row.userName },
    stopRequestedAt: row.stopRequestedAt,
    createdAt: row.createdAt,
    startRequestedAt: row.startRequestedAt,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
  }
}
