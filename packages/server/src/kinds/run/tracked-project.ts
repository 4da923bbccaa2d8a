import { createHash } from 'node:crypto'
import { displayName } from '@nabla/api/fields'
import type { Trx } from '../../db/transaction.ts'
import type { Db, Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import type { Caller } from '../kind.ts'
import { ensureProject } from '../project.ts'

/** A project as programs that track know it: by any text, with labels of its own, and hidden from them if deleted. */
export interface TrackedProject {
  id: string
  name: string
  labels: Record<string, string>
  createdAt: string
  updatedAt: string
  deleted: boolean
}

/** The project that runs go into which name none. */
const defaultName = 'Default'

/** All projects of a team, newest first. */
export async function listTracked(db: Db, teamId: string): Promise<TrackedProject[]> {
  const rows = await select(db, teamId).orderBy('projects.createdAt', 'desc').orderBy('projects.id', 'desc').execute()
  return rows.map(toTracked)
}

/**
 * One by its id. `0` is what MLflow calls the experiment of those who choose none: for the program of a job its own
 * project, for others one that is made when it is needed. Throws AppError `not_found`.
 */
export async function findTracked(deps: Deps, caller: Caller, id: string): Promise<TrackedProject> {
  if (id === '0') return defaultProject(deps, caller)
  const row = await select(deps.db, caller.teamId).where('projects.id', '=', id).executeTakeFirst()
  if (!row) throw new AppError('not_found', { noun: 'project', id })
  return toTracked(row)
}

/** One by the text that programs call it, or by its name here; undefined if there is none. */
export async function findTrackedByName(db: Db, teamId: string, name: string): Promise<TrackedProject | undefined> {
  const rows = await select(db, teamId)
    .where((eb) => eb.or([eb('trackedProjects.name', '=', name), eb('projects.name', '=', name)]))
    .execute()
  const row = rows.find(({ trackedName }) => trackedName === name) ?? rows[0]
  return row && toTracked(row)
}

/** Makes a project for any text that programs call it. Throws AppError `name_taken`. */
export async function makeTracked(
  deps: Deps,
  caller: Caller,
  name: string,
  labels: Record<string, string>,
): Promise<string> {
  const now = deps.clock.now()
  if (await findTrackedByName(deps.db, caller.teamId, name))
    throw new AppError('name_taken', { noun: 'experiment', name })
  return change(deps, async (trx) => {
    const project = await ensureProject(trx, caller, await freeName(trx, caller.teamId, name), now)
    const made = await trx
      .insertInto('trackedProjects')
      .values({
        projectId: project.id,
        teamId: caller.teamId,
        name,
        labels: JSON.stringify(labels),
        updatedAt: toIso(now),
        deletedAt: null,
      })
      .onConflict((c) => c.doNothing())
      .returning('projectId')
      .executeTakeFirst()
    if (!made) throw new AppError('name_taken', { noun: 'experiment', name })
    return project.id
  })
}

/** Changes what programs know of a project; its name here stays. Throws AppError `name_taken`. */
export async function updateTracked(
  deps: Deps,
  teamId: string,
  project: TrackedProject,
  changes: { name?: string; labels?: Record<string, string>; deleted?: boolean },
): Promise<void> {
  const now = toIso(deps.clock.now())
  const { name = project.name, labels = project.labels, deleted = project.deleted } = changes
  const other = name === project.name ? undefined : await findTrackedByName(deps.db, teamId, name)
  if (other && other.id !== project.id) throw new AppError('name_taken', { noun: 'experiment', name })
  const row = { name, labels: JSON.stringify(labels), updatedAt: now, deletedAt: deleted ? now : null }
  await deps.db
    .insertInto('trackedProjects')
    .values({ projectId: project.id, teamId, ...row })
    .onConflict((c) => c.column('projectId').doUpdateSet(row))
    .execute()
}

/** The name of ours for a text that need not be one. */
export function projectNameFor(text: string): string {
  const plain = text.replaceAll(/[\u0000-\u001f\u007f/\\]+/g, '-').trim()
  if (displayName.safeParse(plain).success && plain === text) return plain
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 6)
  const short = plain
    .replaceAll(/^[-.\s]+/g, '')
    .slice(0, 80)
    .trim()
  return short === '' ? `experiment ${hash}` : `${short} ${hash}`
}

/** The project that a text gave its name to may go by another text by now: then a number tells them apart. */
async function freeName(trx: Trx, teamId: string, text: string): Promise<string> {
  const wanted = projectNameFor(text)
  const rows = await trx
    .selectFrom('projects')
    .innerJoin('trackedProjects', 'trackedProjects.projectId', 'projects.id')
    .select('projects.name')
    .where('projects.teamId', '=', teamId)
    .where('projects.deletedAt', 'is', null)
    .execute()
  const taken = new Set(rows.map((row) => row.name))
  let name = wanted
  for (let number = 2; taken.has(name); number++) name = `${wanted.slice(0, 90)} ${number}`
  return name
}

async function defaultProject(deps: Deps, caller: Caller): Promise<TrackedProject> {
  const ofJob = caller.jobId === undefined ? undefined : await projectOfJob(deps.db, caller.jobId)
  const id = ofJob ?? (await change(deps, (trx) => ensureProject(trx, caller, defaultName, deps.clock.now()))).id
  return findTracked(deps, caller, id)
}

async function projectOfJob(db: Db, jobId: string): Promise<string | undefined> {
  const job = await db.selectFrom('jobs').select('projectId').where('id', '=', jobId).executeTakeFirst()
  return job?.projectId
}

function select(db: Db, teamId: string) {
  return db
    .selectFrom('projects')
    .leftJoin('trackedProjects', 'trackedProjects.projectId', 'projects.id')
    .select(['projects.id', 'projects.name', 'projects.createdAt', 'trackedProjects.name as trackedName'])
    .select(['trackedProjects.labels', 'trackedProjects.updatedAt', 'trackedProjects.deletedAt as hiddenAt'])
    .where('projects.teamId', '=', teamId)
    .where('projects.deletedAt', 'is', null)
}

interface JoinedRow {
  id: string
  name: string
  createdAt: string
  trackedName: string | null
  labels: string | null
  updatedAt: string | null
  hiddenAt: string | null
}

function toTracked(row: JoinedRow): TrackedProject {
  return {
    id: row.id,
    name: row.trackedName ?? row.name,
    labels: row.labels === null ? {} : (JSON.parse(row.labels) as Record<string, string>),
    createdAt: row.createdAt,
    updatedAt: row.updatedAt ?? row.createdAt,
    deleted: row.hiddenAt !== null,
  }
}
