import { displayName } from '@nabla/api/fields'
import type { Project } from '@nabla/api/project'
import type { Kysely } from 'kysely'
import { isUniqueViolation } from '../db/errors.ts'
import { isAfter, toPage } from '../db/paging.ts'
import type { ProjectRow, Tables } from '../db/tables.ts'
import type { Trx } from '../db/transaction.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { looksLikeId, newId } from '../lib/ids.ts'
import { deleteDeploymentsOf } from './deployment/delete.ts'
import { deleteExperimentsOf } from './experiment/delete.ts'
import { deleteNotebooksOf } from './notebook/delete.ts'
import { readWantedImages, wantImages } from './image/wanted.ts'
import type { Caller, Handlers } from './kind.ts'
import { deleteTensorboardsOf } from './tensorboard/planned.ts'
import { replaceTags } from './tags.ts'
import { deleteWorkflowsOf } from './workflow/delete.ts'

export const projectHandlers: Handlers<'project'> = {
  async list({ caller, query }, { db }) {
    let rows = db.selectFrom('projects').selectAll().where('teamId', '=', caller.teamId).where('deletedAt', 'is', null)
    if (query.tag !== undefined) {
      const { tag } = query
      rows = rows.where((eb) =>
        eb.exists(
          eb
            .selectFrom('tags')
            .select('tags.tag')
            .whereRef('tags.subjectId', '=', 'projects.id')
            .where('tags.teamId', '=', caller.teamId)
            .where('tags.tag', '=', tag),
        ),
      )
    }
    const found = await rows
      .where(isAfter('projects.createdAt', 'projects.id', query.after))
      .orderBy('createdAt', 'desc')
      .orderBy('id', 'desc')
      .limit(query.limit + 1)
      .execute()
    const page = toPage(
      found,
      query.limit,
      (row) => row,
      (row) => row,
    )
    return { ...page, items: await toProjects(db, caller.teamId, page.items) }
  },

  async create({ caller, body }, deps) {
    const now = deps.clock.now()
    const row = await change(deps, async (trx) => {
      const made = await trx
        .insertInto('projects')
        .values(newProject(caller, body.name, now))
        .onConflict((c) => c.columns(['teamId', 'name']).where('deletedAt', 'is', null).doNothing())
        .returningAll()
        .executeTakeFirst()
      if (!made) throw new AppError('name_taken', { noun: 'project', name: body.name })
      await replaceTags(trx, caller.teamId, made.id, body.tags)
      await record(trx, caller, made, now, { type: 'project.created', data: { name: made.name } })
      return made
    })
    return toProject(deps.db, row)
  },

  async show({ caller, params }, { db }) {
    return toProject(db, await findProject(db, caller.teamId, params.project))
  },

  async update({ caller, params, body }, deps) {
    const now = deps.clock.now()
    const { name, tags, images } = body
    try {
      const row = await change(deps, async (trx) => {
        const project = await holdProject(trx, caller.teamId, params.project)
        if (name !== undefined) await trx.updateTable('projects').set({ name }).where('id', '=', project.id).execute()
        if (tags !== undefined) await replaceTags(trx, caller.teamId, project.id, tags)
        if (images !== undefined) await wantImages(trx, project, images, now)
        if (Object.values(body).some((value) => value !== undefined)) {
          await record(trx, caller, project, now, { type: 'project.updated', data: { ...body } })
        }
        return name === undefined ? project : { ...project, name }
      })
      if (images !== undefined) deps.imageKeeper.hurry()
      return await toProject(deps.db, row)
    } catch (error) {
      if (name !== undefined && isUniqueViolation(error)) throw new AppError('name_taken', { noun: 'project', name })
      throw error
    }
  },

  async delete({ caller, params, query }, deps) {
    if (query.dryRun) {
      const project = await findProject(deps.db, caller.teamId, params.project)
      return { deleted: false, ...(await whatGoes(deps.db, project)) }
    }
    const now = deps.clock.now()
    const { jobIds, ...result } = await change(deps, async (trx) => {
      const project = await holdProject(trx, caller.teamId, params.project)
      const going = await whatGoes(trx, project)
      await trx
        .updateTable('projects')
        .set({ deletedAt: toIso(now) })
        .where('id', '=', project.id)
        .execute()
      await trx.deleteFrom('tags').where('subjectId', '=', project.id).execute()
      await wantImages(trx, project, [], now)
      await trx.deleteFrom('secrets').where('teamId', '=', caller.teamId).where('projectId', '=', project.id).execute()
      const jobIds = await deleteJobs(trx, project, now)
      jobIds.push(...(await deleteExperimentsOf(trx, project.id, now)))
      jobIds.push(...(await deleteDeploymentsOf(trx, project.id, now)))
      jobIds.push(...(await deleteNotebooksOf(trx, project.id, now)))
      jobIds.push(...(await deleteTensorboardsOf(trx, project.id, now)))
      jobIds.push(...(await deleteWorkflowsOf(trx, project.id, now)))
      await record(trx, caller, project, now, { type: 'project.deleted', data: { name: project.name, ...going } })
      return { deleted: true, ...going, jobIds }
    })
    for (const id of jobIds) deps.loop.wake(id)
    return result
  },
}

/** A project of a team by its name or id. Throws AppError `not_found`. */
export async function findProject(db: Kysely<Tables>, teamId: string, reference: string): Promise<ProjectRow> {
  const found = await db
    .selectFrom('projects')
    .selectAll()
    .where('teamId', '=', teamId)
    .where('deletedAt', 'is', null)
    .where((eb) => eb.or([eb('id', '=', reference), eb('name', '=', reference)]))
    .execute()
  // A name may look like the id of another.
  const project = found.find(({ id }) => id === reference) ?? found[0]
  if (!project) throw new AppError('not_found', { noun: 'project', id: reference })
  return project
}

/**
 * Finds a project and holds it until the end of the transaction, so that it is not deleted meanwhile: every change
 * that adds something to a project begins so. Throws AppError `not_found`.
 */
export async function holdProject(trx: Trx, teamId: string, reference: string): Promise<ProjectRow> {
  const { id } = await findProject(trx, teamId, reference)
  const held = await trx
    .updateTable('projects')
    .set((eb) => ({ name: eb.ref('name') }))
    .where('id', '=', id)
    .where('teamId', '=', teamId)
    .where('deletedAt', 'is', null)
    .returningAll()
    .executeTakeFirst()
  if (!held) throw new AppError('not_found', { noun: 'project', id: reference })
  return held
}

/**
 * The project that a job is submitted to, held until the end of the transaction: by id, or by a name, which makes the
 * project if it is not there. Many at once with one name get the same project. Throws AppError `not_found` for an id,
 * and `invalid` for what cannot be a name.
 */
export async function ensureProject(trx: Trx, caller: Caller, reference: string, now: number): Promise<ProjectRow> {
  if (looksLikeId('project', reference)) return holdProject(trx, caller.teamId, reference)
  const name = displayName.safeParse(reference)
  if (!name.success) {
    const detail = `The project ${JSON.stringify(reference)} cannot be made: ${name.error.issues[0]?.message}.`
    throw new AppError('invalid', { detail })
  }
  const wanted = newProject(caller, name.data, now)
  const row = await trx
    .insertInto('projects')
    .values(wanted)
    // Writes what is there already: that holds the row.
    .onConflict((c) =>
      c
        .columns(['teamId', 'name'])
        .where('deletedAt', 'is', null)
        .doUpdateSet((eb) => ({ name: eb.ref('excluded.name') })),
    )
    .returningAll()
    .executeTakeFirstOrThrow()
  if (row.id === wanted.id) await record(trx, caller, row, now, { type: 'project.created', data: { name: row.name } })
  return row
}

function newProject(caller: Caller, name: string, now: number): ProjectRow {
  return { id: newId('project'), teamId: caller.teamId, name, createdAt: toIso(now), deletedAt: null }
}

async function record(
  trx: Trx,
  caller: Caller,
  project: ProjectRow,
  now: number,
  event: { type: string; data: Record<string, unknown> },
): Promise<void> {
  const { teamId, userName: actor } = caller
  await recordEvents(trx, now, [{ ...event, teamId, projectId: project.id, subject: project.id, actor }])
}

interface Going {
  jobs: number
  activeJobs: number
  artifactBytes: number
}

async function whatGoes(db: Kysely<Tables>, { teamId, id: projectId }: ProjectRow): Promise<Going> {
  const counts = (await countJobs(db, teamId, [projectId])).get(projectId)
  const { bytes } = await db
    .selectFrom('volumes')
    .select((eb) => eb.fn.sum<number | null>('sizeBytes').as('bytes'))
    .where('purpose', '=', 'artifacts')
    .where('deletedAt', 'is', null)
    .where('ownerId', 'in', (eb) =>
      eb
        .selectFrom('jobs')
        .select('jobs.id')
        .where('jobs.teamId', '=', teamId)
        .where('jobs.projectId', '=', projectId)
        .where('jobs.deletedAt', 'is', null),
    )
    .executeTakeFirstOrThrow()
  return { jobs: counts?.total ?? 0, activeJobs: counts?.active ?? 0, artifactBytes: bytes ?? 0 }
}

/** Marks the jobs of a project deleted, and asks those that have not ended to stop at once. Returns their ids. */
async function deleteJobs(trx: Trx, { teamId, id: projectId }: ProjectRow, now: number): Promise<string[]> {
  await trx
    .updateTable('jobs')
    .set((eb) => ({ stopRequestedAt: eb.fn.coalesce('stopRequestedAt', eb.val(toIso(now))), stopGraceMs: 0 }))
    .where('teamId', '=', teamId)
    .where('projectId', '=', projectId)
    .where('deletedAt', 'is', null)
    .where('endedAt', 'is', null)
    .execute()
  const rows = await trx
    .updateTable('jobs')
    .set(({ eb }) => ({ deletedAt: toIso(now), version: eb('version', '+', 1) }))
    .where('teamId', '=', teamId)
    .where('projectId', '=', projectId)
    .where('deletedAt', 'is', null)
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}

async function countJobs(
  db: Kysely<Tables>,
  teamId: string,
  projectIds: readonly string[],
): Promise<Map<string, { total: number; active: number }>> {
  const count = (onlyActive: boolean) => {
    const rows = db
      .selectFrom('jobs')
      .select(({ fn }) => ['projectId', fn.countAll<number>().as('jobs')])
      .where('teamId', '=', teamId)
      .where('projectId', 'in', projectIds)
      .where('deletedAt', 'is', null)
      .groupBy('projectId')
    return (onlyActive ? rows.where('endedAt', 'is', null) : rows).execute()
  }
  const [all, active] = [await count(false), await count(true)]
  return new Map(
    all.map(({ projectId, jobs }) => [
      projectId,
      { total: jobs, active: active.find((row) => row.projectId === projectId)?.jobs ?? 0 },
    ]),
  )
}

async function toProject(db: Kysely<Tables>, row: ProjectRow): Promise<Project> {
  const [project] = await toProjects(db, row.teamId, [row])
  return project!
}

/** Adds what stands in other tables, with as many queries for a page as for one. */
async function toProjects(db: Kysely<Tables>, teamId: string, rows: readonly ProjectRow[]): Promise<Project[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const tags = await db.selectFrom('tags').selectAll().where('subjectId', 'in', ids).orderBy('tag').execute()
  const counts = await countJobs(db, teamId, ids)
  const images = await readWantedImages(db, ids)
  return rows.map(({ id, name, createdAt }) => ({
    id,
    name,
    tags: tags.filter((tag) => tag.subjectId === id).map(({ tag }) => tag),
    images: (images.get(id) ?? []).map(({ image }) => image),
    jobs: counts.get(id) ?? { total: 0, active: 0 },
    createdAt,
  }))
}
