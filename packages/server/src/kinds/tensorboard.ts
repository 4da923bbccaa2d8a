import { tensorboardLimits } from '@nabla/api/tensorboard'
import { isAfter, cursorOf } from '../db/paging.ts'
import type { Trx } from '../db/transaction.ts'
import type { Deps } from '../deps.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { TaskRequest } from '../tasks/task.ts'
import { findExperiment } from './experiment/view.ts'
import { friendlyName } from './job/name.ts'
import { findJob } from './job/view.ts'
import type { Caller, Handlers, Origins } from './kind.ts'
import { findProject, holdProject } from './project.ts'
import { labelOf, openServedLink } from './served.ts'
import { foldersOf, placeOne, type Sources } from './tensorboard/task.ts'
import { findTensorboard, selectTensorboards, type TensorboardWithNames, toTensorboards } from './tensorboard/view.ts'

export const tensorboardHandlers: Handlers<'tensorboard'> = {
  async list({ caller, query, origins }, { db }) {
    const { project, limit, after } = query
    let rows = selectTensorboards(db, caller.teamId)
    if (project !== undefined) {
      rows = rows.where('tensorboards.projectId', '=', (await findProject(db, caller.teamId, project)).id)
    }
    const found = await rows
      .where(isAfter('tensorboards.createdAt', 'tensorboards.id', after))
      .orderBy('tensorboards.createdAt', 'desc')
      .orderBy('tensorboards.id', 'desc')
      .limit(limit + 1)
      .execute()
    const page = found.slice(0, limit)
    const last = page.at(-1)
    const items = await toTensorboards(db, page, origins)
    return { items, next: found.length > limit && last ? cursorOf(last) : null }
  },

  async create({ caller, body, origins }, deps) {
    const { sources, projectId } = await chooseSources(deps, caller, body)
    const now = deps.clock.now()
    const id = newId('tensorboard')
    const name = body.name ?? friendlyName()
    await change(deps, async (trx) => {
      const project = await holdProject(trx, caller.teamId, projectId)
      await refuseTooMany(trx, caller.teamId)
      const { teamId, userId: createdBy } = caller
      await trx
        .insertInto('tensorboards')
        .values({
          id,
          teamId,
          projectId: project.id,
          name,
          state: 'starting',
          reason: null,
          sources: JSON.stringify(sources),
          placed: JSON.stringify(placeOne(deps)),
          attempt: 1,
          idleMinutes: body.idleMinutes,
          createdBy,
          createdAt: toIso(now),
          startedAt: null,
          usedAt: toIso(now),
          stopRequestedAt: null,
          restart: 0,
          endedAt: null,
          deletedAt: null,
          wakeAt: null,
          version: 1,
        })
        .execute()
      await record(trx, caller, { id, name, projectId: project.id }, 'created', now)
    })
    deps.loop.wake(id)
    return show(deps, caller, id, origins)
  },

  show: ({ caller, params, origins }, deps) => show(deps, caller, params.tensorboard, origins),

  async open({ caller, params, body, origins }, deps) {
    const row = await findTensorboard(deps.db, caller, params.tensorboard)
    const link = openServedLink(deps, { caller, origins }, labelOf(row.id), body.path)
    if (row.endedAt !== null || row.stopRequestedAt !== null) await start(deps, caller, row)
    else await renew(deps, row)
    return { ...link, tensorboard: await show(deps, caller, row.id, origins) }
  },

  async start({ caller, params, origins }, deps) {
    const row = await findTensorboard(deps.db, caller, params.tensorboard)
    if (row.endedAt !== null || row.stopRequestedAt !== null) await start(deps, caller, row)
    return show(deps, caller, row.id, origins)
  },

  async stop({ caller, params, origins }, deps) {
    const row = await findTensorboard(deps.db, caller, params.tensorboard)
    const now = deps.clock.now()
    await deps.db
      .updateTable('tensorboards')
      .set(({ eb }) => ({ stopRequestedAt: toIso(now), restart: 0, version: eb('version', '+', 1) }))
      .where('id', '=', row.id)
      .where('endedAt', 'is', null)
      .execute()
    deps.loop.wake(row.id)
    return show(deps, caller, row.id, origins)
  },

  async delete({ caller, params }, deps) {
    const row = await findTensorboard(deps.db, caller, params.tensorboard)
    const now = deps.clock.now()
    await change(deps, async (trx) => {
      await trx
        .updateTable('tensorboards')
        .set(({ eb }) => ({ deletedAt: toIso(now), version: eb('version', '+', 1) }))
        .where('id', '=', row.id)
        .execute()
      await record(trx, caller, row, 'deleted', now)
    })
    deps.loop.wake(row.id)
    return { deleted: true }
  },
}

async function show(deps: Deps, caller: Caller, reference: string, origins: Origins) {
  const [one] = await toTensorboards(deps.db, [await findTensorboard(deps.db, caller, reference)], origins)
  return one!
}

/** Throws AppError `not_found`, and `invalid` where nothing is named. */
async function chooseSources(
  deps: Deps,
  caller: Caller,
  named: { jobs: readonly string[]; experiments: readonly string[] },
): Promise<{ sources: Sources; projectId: string }> {
  const jobs = []
  for (const reference of named.jobs) jobs.push(await findJob(deps, caller, reference))
  const experiments = []
  for (const reference of named.experiments) experiments.push(await findExperiment(deps, caller, reference))
  const [first] = [...experiments, ...jobs]
  if (!first) throw new AppError('invalid', { detail: 'Name at least one job or experiment that it is to show.' })
  const ids = (rows: readonly { id: string }[]) => [...new Set(rows.map(({ id }) => id))]
  return { sources: { jobs: ids(jobs), experiments: ids(experiments) }, projectId: first.projectId }
}

/** Starts one that has ended, or is about to. */
async function start(deps: Deps, caller: Caller, row: TensorboardWithNames): Promise<void> {
  const now = deps.clock.now()
  await change(deps, async (trx) => {
    if (row.endedAt !== null) await refuseTooMany(trx, caller.teamId)
    await trx
      .updateTable('tensorboards')
      .set(({ eb }) => ({
        state: 'starting',
        reason: null,
        placed: JSON.stringify(placeOne(deps)),
        // One that is still ending is started anew once it has ended; an attempt has one task.
        ...(row.endedAt === null ? { restart: 1 } : { attempt: eb('attempt', '+', 1) }),
        stopRequestedAt: null,
        endedAt: null,
        usedAt: toIso(now),
        version: eb('version', '+', 1),
      }))
      .where('id', '=', row.id)
      // Two who start it at once start it once.
      .where('endedAt', row.endedAt === null ? 'is' : 'is not', null)
      .execute()
    await record(trx, caller, row, 'start_requested', now)
  })
  deps.loop.wake(row.id)
}

/** Starts one that runs anew if there are jobs that it does not show yet. */
async function renew(deps: Deps, row: TensorboardWithNames): Promise<void> {
  const { clock, db } = deps
  const changes: { usedAt: string; restart?: number } = { usedAt: toIso(clock.now()) }
  const task = await db
    .selectFrom('tasks')
    .select('request')
    .where('ownerId', '=', row.id)
    .where('attempt', '=', row.attempt)
    .executeTakeFirst()
  if (task) {
    const shown = new Set((JSON.parse(task.request) as TaskRequest).volumes.map(({ volumeId }) => volumeId))
    const folders = await foldersOf(db, row)
    if (folders.some(({ volumeId }) => !shown.has(volumeId))) changes.restart = 1
  }
  await db
    .updateTable('tensorboards')
    .set(({ eb }) => ({ ...changes, version: eb('version', '+', 1) }))
    .where('id', '=', row.id)
    .where('endedAt', 'is', null)
    .execute()
  deps.loop.wake(row.id)
}

async function refuseTooMany(trx: Trx, teamId: string): Promise<void> {
  const { running } = await trx
    .selectFrom('tensorboards')
    .select(({ fn }) => fn.countAll<number>().as('running'))
    .where('teamId', '=', teamId)
    .where('endedAt', 'is', null)
    .executeTakeFirstOrThrow()
  if (running < tensorboardLimits.running) return
  const detail = `The team has ${running} TensorBoards running: stop one with \`nabla tensorboard stop\`.`
  throw new AppError('conflict', { detail })
}

function record(
  trx: Trx,
  caller: Caller,
  { id, name, projectId }: { id: string; name: string; projectId: string },
  what: string,
  now: number,
): Promise<void> {
  const event = { teamId: caller.teamId, projectId, subject: id, actor: caller.userName, data: { name } }
  return recordEvents(trx, now, [{ ...event, type: `tensorboard.${what}` }])
}
