import { compares } from '../../db/compare.ts'
import { isAfter } from '../../db/paging.ts'
import type { Db } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { type Condition, isNumeric, type Order, type Subject } from './filter.ts'

/** Which runs. All of one team. */
export interface RunChoice {
  projectIds?: readonly string[] | undefined
  jobIds?: readonly string[] | undefined
  conditions?: readonly Condition[]
  /** Those that are deleted and can be brought back; both, if `all`. */
  deleted?: 'no' | 'only' | 'all'
}

/** The runs that match, not yet in any order. */
export function selectRuns(db: Db, teamId: string, choice: RunChoice) {
  const { projectIds, jobIds, conditions = [], deleted = 'no' } = choice
  let rows = db.selectFrom('runs').where('runs.teamId', '=', teamId)
  if (deleted !== 'all') rows = rows.where('runs.deletedAt', deleted === 'no' ? 'is' : 'is not', null)
  if (projectIds) rows = rows.where('runs.projectId', 'in', projectIds)
  if (jobIds) rows = rows.where('runs.jobId', 'in', jobIds)
  const inTurn = conditions.toSorted((one, other) => turnOf(one) - turnOf(other))
  for (const condition of inTurn) rows = withCondition(db, rows, condition)
  return rows
}

/**
 * SQLite asks in the order in which conditions stand, and the next only of the runs that are left: first what the row of
 * a run says, then what leaves few runs. PostgreSQL knows by its statistics.
 */
function turnOf({ subject, operator }: Condition): number {
  if (subject.of === 'attribute') return 0
  const leavesFew = operator === '=' || operator === 'in'
  return leavesFew ? 1 : 2
}

export type RunQuery = ReturnType<typeof selectRuns>

/**
 * One page of runs, by id. By time of their start it goes on after the last row; in any other order after so many
 * rows, since values change meanwhile.
 */
export async function pageOfRuns(
  runs: RunQuery,
  orders: readonly Order[],
  { limit, after }: { limit: number; after?: string | undefined },
): Promise<{ ids: string[]; next: string | null }> {
  if (orders.length === 0) {
    const rows = await runs
      .select(['runs.id', 'runs.startedAt'])
      .where(isAfter('runs.startedAt', 'runs.id', after))
      .orderBy('runs.startedAt', 'desc')
      .orderBy('runs.id', 'desc')
      .limit(limit + 1)
      .execute()
    const last = rows.length > limit ? rows[limit - 1] : undefined
    const next = last ? Buffer.from(`${last.startedAt} ${last.id}`).toString('base64url') : null
    return { ids: rows.slice(0, limit).map(({ id }) => id), next }
  }
  const offset = readOffset(after)
  const rows = await ordered(runs, orders)
    .select('runs.id')
    .limit(limit + 1)
    .offset(offset)
    .execute()
  const next = rows.length > limit ? Buffer.from(`+${offset + limit}`).toString('base64url') : null
  return { ids: rows.slice(0, limit).map(({ id }) => id), next }
}

function readOffset(after: string | undefined): number {
  if (after === undefined) return 0
  const [, digits] = /^\+(\d{1,9})$/.exec(Buffer.from(after, 'base64url').toString()) ?? []
  if (digits === undefined) throw new AppError('invalid', { detail: '`after` is not the `next` of a page.' })
  return Number(digits)
}

const columns = {
  run_id: 'runs.id',
  run_name: 'runs.name',
  status: 'runs.state',
  user_id: 'runs.createdBy',
  artifact_uri: 'runs.id',
  start_time: 'runs.startedAt',
  end_time: 'runs.endedAt',
} as const

function ordered(runs: RunQuery, orders: readonly Order[]) {
  let rows = runs
  for (const { subject, descending } of orders.slice(0, mostOrders)) {
    rows = rows.orderBy(
      (eb) => {
        if (subject.of === 'attribute') return eb.ref(columns[subject.name])
        if (subject.of === 'dataset') throw new AppError('bad_filter', { reason: 'runs have no order by dataset' })
        const table = tables[subject.of]
        return eb
          .selectFrom(`${table} as sorted`)
          .select('sorted.value')
          .whereRef('sorted.runId', '=', 'runs.id')
          .where('sorted.name', '=', subject.name) as never
      },
      (order) => (descending ? order.desc() : order.asc()).nullsLast(),
    )
  }
  return rows.orderBy('runs.startedAt', 'desc').orderBy('runs.id', 'desc')
}

/** Each takes a look-up per run. */
const mostOrders = 5

/** All three have a run, a name and a value; to the queries here they are one. */
const tables = { metric: 'runMetrics' as 'runParams', param: 'runParams', label: 'runLabels' as 'runParams' } as const

function withCondition(db: Db, rows: RunQuery, condition: Condition): RunQuery {
  const { subject, operator, value } = condition
  if (subject.of === 'attribute') return withAttribute(db, rows, { ...condition, subject })
  if (subject.of === 'dataset') {
    if (subject.name === 'context') throw new AppError('bad_filter', { reason: 'datasets are not found by context' })
    if (operator === 'null' || operator === 'not null') {
      throw new AppError('bad_filter', { reason: 'a dataset always has a name and a digest' })
    }
    const name = subject.name
    return rows.where((eb) =>
      eb.exists(
        eb
          .selectFrom('runInputs')
          .select('runInputs.runId')
          .whereRef('runInputs.runId', '=', 'runs.id')
          .where(compares(db, `runInputs.${name}`, operator, value!)),
      ),
    )
  }
  const table = tables[subject.of]
  return rows.where((eb) => {
    const found = eb
      .selectFrom(`${table} as tracked`)
      .select('tracked.runId')
      .whereRef('tracked.runId', '=', 'runs.id')
      .where('tracked.name', '=', subject.name)
    if (operator === 'null') return eb.not(eb.exists(found))
    if (operator === 'not null') return eb.exists(found)
    return eb.exists(found.where(compares(db, 'tracked.value', operator, value!)))
  })
}

function withAttribute(
  db: Db,
  rows: RunQuery,
  condition: Condition & { subject: Extract<Subject, { of: 'attribute' }> },
): RunQuery {
  const { subject, operator, value } = condition
  const place = columns[subject.name]
  if (operator === 'null') return rows.where(place, 'is', null)
  if (operator === 'not null') return rows.where(place, 'is not', null)
  if (isNumeric(subject)) return rows.where(compares(db, place, operator, timeText(Number(value))))
  const asKept = (text: string) => {
    if (subject.name === 'status') return text.toLowerCase()
    return subject.name === 'artifact_uri' ? text.replace(/^.*\//, '') : text
  }
  const kept = typeof value === 'string' ? asKept(value) : (value as string[]).map(asKept)
  return rows.where(compares(db, place, operator, kept))
}

/** Times are text here, which sorts as they do. */
function timeText(ms: number): string {
  return toIso(Math.min(Math.max(Math.trunc(ms), 0), latestMs))
}

/** The last moment of the year 9999; what is later has no text of the usual length. */
export const latestMs = 253_402_300_799_999
