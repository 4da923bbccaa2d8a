import type { Notebook, NotebookActivity, NotebookPhase, NotebookState, NotebookSummary } from '@nabla/api/notebook'
import type { NotebookRow } from '../../db/notebook-tables.ts'
import type { Db, Deps } from '../../deps.ts'
import { queuePlace } from '../../control/queue.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { type Task, toTask } from '../../tasks/task.ts'
import type { Caller, Origins } from '../kind.ts'
import { labelOf } from '../served.ts'
import { readNotebook } from './planned.ts'

/** A notebook's row with the names it refers to. */
export interface NotebookWithNames extends NotebookRow {
  projectName: string
  userName: string
}

/** Selects notebooks of one team that are not deleted: every read of notebooks starts here. */
export function selectNotebooks(db: Pick<Db, 'selectFrom'>, teamId: string) {
  return db
    .selectFrom('notebooks')
    .innerJoin('projects', 'projects.id', 'notebooks.projectId')
    .innerJoin('users', 'users.id', 'notebooks.createdBy')
    .selectAll('notebooks')
    .select(['projects.name as projectName', 'users.name as userName'])
    .where('notebooks.teamId', '=', teamId)
    .where('notebooks.deletedAt', 'is', null)
}

/** The newest notebook of that name, or the one with that id; another team's does not exist. */
export async function findNotebook(
  deps: { db: Pick<Db, 'selectFrom'> },
  caller: Pick<Caller, 'teamId'>,
  reference: string,
): Promise<NotebookWithNames> {
  const rows = selectNotebooks(deps.db, caller.teamId)
  const row =
    (await rows.where('notebooks.id', '=', reference).executeTakeFirst()) ??
    (await rows
      .where('notebooks.name', '=', reference)
      .orderBy('notebooks.createdAt', 'desc')
      .limit(1)
      .executeTakeFirst())
  if (!row) throw new AppError('not_found', { noun: 'notebook', id: reference })
  return row
}

/** Rows of a list. */
export async function toSummaries(
  db: Db,
  rows: readonly NotebookWithNames[],
  origins: Origins,
): Promise<NotebookSummary[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const tags = await db.selectFrom('tags').selectAll().where('subjectId', 'in', ids).orderBy('tag').execute()
  const versions = await db
    .selectFrom('notebookVersions')
    .select(({ fn }) => ['notebookId', fn.max('number').as('newest')])
    .where('notebookId', 'in', ids)
    .where('state', '=', 'ready')
    .groupBy('notebookId')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    project: { id: row.projectId, name: row.projectName },
    state: row.state as NotebookState,
    reason: row.reason,
    session: row.session,
    machineType: row.machineType,
    address: addressOf(row, origins),
    lastActivityAt: row.lastActivityAt,
    activity: row.activity === null ? null : (JSON.parse(row.activity) as NotebookActivity),
    warnedAt: row.warnedAt,
    stopsAt: row.stopsAt,
    extendedUntil: row.extendedUntil,
    savedVersion: versions.find(({ notebookId }) => notebookId === row.id)?.newest ?? null,
    rebuilds: rebuildsNext(row),
    share: row.shareId,
    tags: tags.filter(({ subjectId }) => subjectId === row.id).map(({ tag }) => tag),
    createdBy: { id: row.createdBy, name: row.userName },
    parentNotebookId: row.parentNotebookId,
    fromJobId: row.fromJobId,
    stopRequestedAt: row.stopRequestedAt,
    createdAt: row.createdAt,
    startRequestedAt: row.startRequestedAt,
    startedAt: row.startedAt,
    readyAt: row.readyAt,
    endedAt: row.session === 0 ? null : row.endedAt,
  }))
}

/** All there is to say about one notebook. */
export async function toNotebook(deps: Deps, row: NotebookWithNames, origins: Origins): Promise<Notebook> {
  const [summary] = await toSummaries(deps.db, [row], origins)
  const latest = row.session === 0 ? null : await taskOf(deps.db, row)
  const queue = latest?.state === 'queued' ? await queuePlace(deps, latest) : null
  const about = row.state === 'pending' ? (queue ?? { position: 1, why: 'it is about to be queued' }) : null
  return {
    ...summary!,
    queue: about,
    spec: readNotebook(row).spec,
    phases: latest ? toPhases(latest, row) : [],
  }
}

async function taskOf(db: Db, row: NotebookRow): Promise<Task | null> {
  const found = await db
    .selectFrom('tasks')
    .selectAll()
    .where('ownerId', '=', row.id)
    .where('attempt', '=', row.session)
    .executeTakeFirst()
  return found ? toTask(found) : null
}

function addressOf(row: NotebookRow, origins: Origins): string | null {
  const origin = origins.served(labelOf(row.id))
  return origin === null ? null : `${origin}/`
}

/** A rebuild was asked for since the last session that came to run was. */
const rebuildsNext = ({ rebuildRequestedAt, startRequestedAt, readyAt }: NotebookRow): boolean =>
  rebuildRequestedAt !== null &&
  (readyAt === null || startRequestedAt === null || startRequestedAt < rebuildRequestedAt)

const phaseNames: Partial<Record<string, NotebookPhase['name']>> = {
  queue: 'queue',
  files: 'files',
  image: 'image',
  create: 'container',
  start: 'container',
  environment: 'environment',
  run: 'jupyter',
}

/** Each phase ends where the next begins; the last one with the task, or not yet. */
function toPhases(task: Task, row: NotebookRow): NotebookPhase[] {
  const begun = task.phases.flatMap(({ phase, at, detail }) => {
    const name = phaseNames[phase]
    return name === undefined ? [] : [{ name, startedAt: toIso(at), ...(detail === undefined ? {} : { detail }) }]
  })
  const all = begun.filter(({ name }, index) => name !== begun[index - 1]?.name)
  if (row.readyAt !== null) all.push({ name: 'ready', startedAt: row.readyAt })
  return all.map((phase, index) => ({ ...phase, endedAt: all[index + 1]?.startedAt ?? task.endedAt }))
}
