import { type Run, type RunState, valueOf } from '@nabla/api/run'
import type { RunRow } from '../../db/run-tables.ts'
import type { Db } from '../../deps.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'

/** Runs as the contract has them, in the order of `ids`: as many queries for a page as for one. */
export async function toRuns(db: Db, ids: readonly string[]): Promise<Run[]> {
  const runs: Run[] = []
  for (let from = 0; from < ids.length; from += limits.pageRows) {
    runs.push(...(await pageOfViews(db, ids.slice(from, from + limits.pageRows))))
  }
  return runs
}

async function pageOfViews(db: Db, ids: readonly string[]): Promise<Run[]> {
  const rows = await db
    .selectFrom('runs')
    .innerJoin('projects', 'projects.id', 'runs.projectId')
    .innerJoin('users', 'users.id', 'runs.createdBy')
    .leftJoin('jobs', 'jobs.id', 'runs.jobId')
    .selectAll('runs')
    .select(['projects.name as projectName', 'users.name as userName', 'jobs.name as jobName'])
    .where('runs.id', 'in', ids)
    .execute()
  const tracked = await readTracked(db, ids)
  const experiments = await readExperiments(db, ids)
  const tags = await db.selectFrom('tags').select(['subjectId', 'tag']).where('subjectId', 'in', ids).execute()
  const byId = new Map(
    rows.map((row) => [
      row.id,
      toRun(row, {
        ...tracked.get(row.id)!,
        tags: tags.filter(({ subjectId }) => subjectId === row.id).map(({ tag }) => tag),
        experiment: experiments.get(row.id) ?? null,
      }),
    ]),
  )
  return ids.flatMap((id) => byId.get(id) ?? [])
}

interface Names {
  projectName: string
  userName: string
  jobName: string | null
}

type Parts = Pick<Run, 'params' | 'metrics' | 'labels' | 'tags' | 'experiment'>

function toRun(row: RunRow & Names, parts: Parts): Run {
  const { id, name, note, parentRunId, startedAt, endedAt, source } = row
  return {
    id,
    name,
    project: { id: row.projectId, name: row.projectName },
    job: row.jobId !== null && row.jobName !== null ? { id: row.jobId, name: row.jobName } : null,
    parentRunId,
    state: row.state as RunState,
    source,
    note,
    createdBy: { id: row.createdBy, name: row.userName },
    startedAt,
    endedAt,
    ...parts,
  }
}

/** What runs have logged, by run: parameters, labels and what is the latest of each metric. */
export async function readTracked(db: Db, ids: readonly string[]) {
  const tracked = new Map<string, Pick<Run, 'params' | 'metrics' | 'labels'>>(
    ids.map((id) => [id, { params: {}, metrics: {}, labels: {} }]),
  )
  const params = await db.selectFrom('runParams').selectAll().where('runId', 'in', ids).execute()
  for (const { runId, name, value } of params) setOwn(tracked.get(runId)!.params, name, value)
  const labels = await db.selectFrom('runLabels').selectAll().where('runId', 'in', ids).execute()
  for (const { runId, name, value } of labels) setOwn(tracked.get(runId)!.labels, name, value)
  const metrics = await db
    .selectFrom('runMetrics')
    .select(['runId', 'name', 'value', 'step', 'at', 'least', 'most', 'count'])
    .where('runId', 'in', ids)
    .execute()
  for (const { runId, name, value, step, at, least, most, count } of metrics) {
    setOwn(tracked.get(runId)!.metrics, name, {
      value: valueOf(value ?? Number.NaN),
      step,
      at: toIso(at),
      min: valueOf(least ?? Number.NaN),
      max: valueOf(most ?? Number.NaN),
      count,
    })
  }
  return tracked
}

/** Names come from programs: one called `__proto__` is a name like any other. */
function setOwn<T>(target: Record<string, T>, name: string, value: T): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
}

async function readExperiments(db: Db, ids: readonly string[]): Promise<Map<string, { id: string; name: string }>> {
  const rows = await db
    .selectFrom('runs')
    .innerJoin('jobs', 'jobs.id', 'runs.jobId')
    .innerJoin('experiments', 'experiments.id', 'jobs.experimentId')
    .select(['runs.id as runId', 'experiments.id', 'experiments.name'])
    .where('runs.id', 'in', ids)
    .execute()
  return new Map(rows.map(({ runId, id, name }) => [runId, { id, name }]))
}
