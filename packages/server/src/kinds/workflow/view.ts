import type { Workflow, WorkflowJob, WorkflowOutput, WorkflowRun, WorkflowRunSummary } from '@nabla/api/workflow'
import { needsOf } from '@nabla/api/workflow-check'
import type { WorkflowSpec } from '@nabla/api/workflow-spec'
import { type WorkflowJobState, workflowJobStates, type WorkflowRunState } from '@nabla/api/workflow-state'
import type { WorkflowOutputRow, WorkflowRow, WorkflowRunRow } from '../../db/workflow-tables.ts'
import type { Db } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import type { Caller } from '../kind.ts'
import type { RunInputs } from './inputs.ts'

/** A workflow's row with the names it refers to. */
export interface WorkflowWithNames extends WorkflowRow {
  projectName: string
  userName: string
}

/** Selects workflows of one team that are not deleted: every read of workflows starts here. */
export function selectWorkflows(db: Pick<Db, 'selectFrom'>, teamId: string) {
  return db
    .selectFrom('workflows')
    .innerJoin('projects', 'projects.id', 'workflows.projectId')
    .innerJoin('users', 'users.id', 'workflows.createdBy')
    .selectAll('workflows')
    .select(['projects.name as projectName', 'users.name as userName'])
    .where('workflows.teamId', '=', teamId)
    .where('workflows.deletedAt', 'is', null)
}

/**
 * The newest workflow of that name, or the one with that id; the id of a run, which is what events name, means its
 * workflow. Throws AppError `not_found`.
 */
export async function findWorkflow(db: Db, caller: Caller, reference: string): Promise<WorkflowWithNames> {
  const rows = selectWorkflows(db, caller.teamId)
  const ofRun = db.selectFrom('workflowRuns').select('workflowId').where('id', '=', reference)
  const row =
    (await rows
      .where(({ eb, or }) => or([eb('workflows.id', '=', reference), eb('workflows.id', '=', ofRun)]))
      .executeTakeFirst()) ??
    (await rows
      .where('workflows.name', '=', reference)
      .orderBy('workflows.createdAt', 'desc')
      .limit(1)
      .executeTakeFirst())
  if (!row) throw new AppError('not_found', { noun: 'workflow', id: reference })
  return row
}

/** Selects the runs of these workflows. */
export function selectRuns(db: Pick<Db, 'selectFrom'>, workflowIds: readonly string[]) {
  return db
    .selectFrom('workflowRuns')
    .innerJoin('users', 'users.id', 'workflowRuns.createdBy')
    .selectAll('workflowRuns')
    .select('users.name as userName')
    .where('workflowRuns.workflowId', 'in', workflowIds)
}

/** A run with the name of who began it. */
export interface RunWithNames extends WorkflowRunRow {
  userName: string
}

/** A run by its number. Throws AppError `not_found`. */
export async function findRun(db: Db, workflow: WorkflowRow, number: number): Promise<RunWithNames> {
  const row = await selectRuns(db, [workflow.id]).where('workflowRuns.number', '=', number).executeTakeFirst()
  if (!row) throw new AppError('not_found', { noun: 'workflow', id: `${workflow.name} run ${number}` })
  return row
}

/** All there is to say about these, with as many queries as about one. */
export async function toWorkflows(db: Db, rows: readonly WorkflowWithNames[]): Promise<Workflow[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const tags = await db.selectFrom('tags').selectAll().where('subjectId', 'in', ids).orderBy('tag').execute()
  const newest = await selectRuns(db, ids)
    .innerJoin('workflows', 'workflows.id', 'workflowRuns.workflowId')
    .whereRef('workflowRuns.number', '=', 'workflows.lastRun')
    .execute()
  const latest = new Map((await toSummaries(db, rows, newest)).map((run) => [run.workflow.id, run]))
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    project: { id: row.projectId, name: row.projectName },
    tags: tags.filter(({ subjectId }) => subjectId === row.id).map(({ tag }) => tag),
    runs: row.lastRun,
    latest: latest.get(row.id) ?? null,
    createdBy: { id: row.createdBy, name: row.userName },
    createdAt: row.createdAt,
  }))
}

/** Rows of a list of runs; `workflows` are those that they belong to. */
export async function toSummaries(
  db: Db,
  workflows: readonly WorkflowWithNames[],
  runs: readonly RunWithNames[],
): Promise<WorkflowRunSummary[]> {
  if (runs.length === 0) return []
  const ids = runs.map(({ id }) => id)
  const jobs = await db
    .selectFrom('workflowJobs')
    .select(({ fn }) => ['runId', 'state', fn.countAll<number>().as('count')])
    .where('runId', 'in', ids)
    .groupBy(['runId', 'state'])
    .execute()
  return runs.map((run) => {
    const own = jobs.filter(({ runId }) => runId === run.id)
    const count = (rows: typeof own) => rows.reduce((sum, row) => sum + row.count, 0)
    const ended = own.filter(({ state }) => workflowJobStates[state as WorkflowJobState].ended)
    return { ...shared(workflows, run), jobs: { total: count(own), ended: count(ended) } }
  })
}

/** All there is to say about a run. */
export async function toRun(db: Db, workflow: WorkflowWithNames, run: RunWithNames): Promise<WorkflowRun> {
  const spec = JSON.parse(run.spec) as WorkflowSpec
  const [steps, outputs] = await Promise.all([
    db
      .selectFrom('workflowJobs')
      .leftJoin('jobs', (join) => join.onRef('jobs.id', '=', 'workflowJobs.jobId').on('jobs.deletedAt', 'is', null))
      .selectAll('workflowJobs')
      .select(['jobs.id as ownId', 'jobs.name as ownName'])
      .where('runId', '=', run.id)
      .orderBy('position')
      .execute(),
    db.selectFrom('workflowOutputs').selectAll().where('runId', '=', run.id).orderBy('name').execute(),
  ])
  return {
    ...shared([workflow], run),
    spec,
    inputs: Object.fromEntries(
      Object.entries(JSON.parse(run.inputs) as RunInputs).map(([name, input]) => [
        name,
        input.type === 'string' ? input.value : `${input.name}:${input.version}`,
      ]),
    ),
    jobs: steps.map((step): WorkflowJob => {
      const { name, state, reason, startedAt, endedAt, ownId, ownName } = step
      const job = spec.jobs[name]!
      return {
        name,
        uses: job.uses,
        needs: needsOf(job),
        state: state as WorkflowJobState,
        reason,
        job: ownId === null || ownName === null ? null : { id: ownId, name: ownName },
        outputs: outputs.filter((output) => output.job === name).map(toOutput),
        startedAt,
        endedAt,
      }
    }),
    stopRequestedAt: run.stopRequestedAt,
  }
}

/** Characters of a string that are shown. */
const shownCharacters = 1000

function toOutput(row: WorkflowOutputRow): WorkflowOutput {
  const { name, reason, reference, files, sizeBytes } = row
  return {
    name,
    type: row.type as WorkflowOutput['type'],
    state: row.state as WorkflowOutput['state'],
    reason,
    value: row.value === null ? null : row.value.slice(0, shownCharacters),
    reference,
    files,
    sizeBytes,
  }
}

function shared(workflows: readonly WorkflowWithNames[], run: RunWithNames): Omit<WorkflowRunSummary, 'jobs'> {
  const workflow = workflows.find(({ id }) => id === run.workflowId)!
  return {
    id: run.id,
    number: run.number,
    workflow: { id: workflow.id, name: workflow.name },
    project: { id: workflow.projectId, name: workflow.projectName },
    state: run.state as WorkflowRunState,
    reason: run.reason,
    startedBy: { id: run.createdBy, name: run.userName },
    rerunOf: run.rerunOf,
    createdAt: run.createdAt,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
  }
}
