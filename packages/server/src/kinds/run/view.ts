import { type Run, type RunState, valueOf } from '@nabla/api/run'
import type { RunRow } from '../../db/run-tables.ts'
import type { Db } from '../../deps.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'

/** Names of what is shown of runs; all names of a kind where there is no list. */
export interface RunColumns {
  metrics: readonly string[]
  params: readonly string[]
  labels: readonly string[]
}

/** Reads `metrics.val%2Floss,params.lr`; undefined: everything. Words that name nothing are left out. */
export function readColumns(text: string | undefined): RunColumns | undefined {
  if (text === undefined) return undefined
  const columns = { metrics: [] as string[], params: [] as string[], labels: [] as string[] }
  for (const word of text.split(',')) {
    const [, kind, name] = /^(metrics|params|labels)\.(.+)$/.exec(word) ?? []
    if (kind !== undefined && name !== undefined) columns[kind as keyof RunColumns].push(decoded(name))
  }
  return columns
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/**
 * Runs as the contract has them, in the order of `ids`: as many queries for a page as for one. With `columns` only what
 * they name is read: a run may have thousands of metrics.
 */
export async function toRuns(db: Db, ids: readonly string[], columns?: RunColumns): Promise<Run[]> {
  const runs: Run[] = []
  for (let from = 0; from < ids.length; from += limits.pageRows) {
    runs.push(...(await pageOfViews(db, ids.slice(from, from + limits.pageRows), columns)))
  }
  return runs
}

async function pageOfViews(db: Db, ids: readonly string[], columns?: RunColumns): Promise<Run[]> {
  const rows = await db
    .selectFrom('runs')
    .innerJoin('projects', 'projects.id', 'runs.projectId')
    .innerJoin('users', 'users.id', 'runs.createdBy')
    .leftJoin('jobs', 'jobs.id', 'runs.jobId')
    .selectAll('runs')
    .select(['projects.name as projectName', 'users.name as userName', 'jobs.name as jobName'])
    .where('runs.id', 'in', ids)
    .execute()
  const tracked = await readTracked(db, ids, columns)
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
export async function readTracked(db: Db, ids: readonly string[], columns?: RunColumns) {
  const tracked = new Map<string, Pick<Run, 'params' | 'metrics' | 'labels'>>(
    ids.map((id) => [id, { params: {}, metrics: {}, labels: {} }]),
  )
  const params = await db
    .selectFrom('runParams')
    .selectAll()
    .where('runId', 'in', ids)
    .$if(columns !== undefined, (rows) => rows.where('name', 'in', named(columns!.params)))
    .execute()
  for (const { runId, name, value } of params) setOwn(tracked.get(runId)!.params, name, value)
  const labels = await db
    .selectFrom('runLabels')
    .selectAll()
    .where('runId', 'in', ids)
    .$if(columns !== undefined, (rows) => rows.where('name', 'in', named(columns!.labels)))
    .execute()
  for (const { runId, name, value } of labels) setOwn(tracked.get(runId)!.labels, name, value)
  const metrics = await db
    .selectFrom('runMetrics')
    .select(['runId', 'name', 'value', 'step', 'at', 'least', 'most', 'count'])
    .where('runId', 'in', ids)
    .$if(columns !== undefined, (rows) => rows.where('name', 'in', named(columns!.metrics)))
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

/** A list of a query must not be empty; no name is. */
const named = (names: readonly string[]): readonly string[] => (names.length === 0 ? [''] : names)

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
