import { isAfter, toPage } from '../db/paging.ts'
import { isUniqueViolation } from '../db/errors.ts'
import type { Trx } from '../db/transaction.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { commitVersion, newDataset } from './dataset/commit.ts'
import { datasetFileHandlers } from './dataset/files.ts'
import { findDataset, findVersion, holdDataset } from './dataset/find.ts'
import { jobsReading } from './dataset/mounts.ts'
import { datasetTagHandlers } from './dataset/tags.ts'
import { toDataset, toDatasets, toVersion, toVersions } from './dataset/view.ts'
import type { Handlers } from './kind.ts'
import { replaceTags } from './tags.ts'

export const datasetHandlers: Handlers<'dataset'> = {
  ...datasetFileHandlers,
  ...datasetTagHandlers,

  async list({ caller, query }, { db }) {
    const { name, tag } = query
    let rows = db.selectFrom('datasets').selectAll().where('teamId', '=', caller.teamId)
    // As a range, not as a pattern: `%` and `_` are letters like others, and an index can be used.
    if (name) rows = rows.where('name', '>=', name).where('name', '<', `${name}\u{10ffff}`)
    if (tag) {
      rows = rows.where((eb) =>
        eb.exists(
          eb
            .selectFrom('tags')
            .select('tags.tag')
            .whereRef('tags.subjectId', '=', 'datasets.id')
            .where('tags.teamId', '=', caller.teamId)
            .where('tags.tag', '=', tag),
        ),
      )
    }
    const found = await rows
      .where(isAfter('datasets.createdAt', 'datasets.id', query.after))
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
    return { ...page, items: await toDatasets(db, page.items) }
  },

  async create({ caller, body }, deps) {
    const now = deps.clock.now()
    const row = await change(deps, async (trx) => {
      const made = await trx
        .insertInto('datasets')
        .values(newDataset(caller, body, now))
        .onConflict((c) => c.columns(['teamId', 'name']).doNothing())
        .returningAll()
        .executeTakeFirst()
      if (!made) throw new AppError('name_taken', { noun: 'dataset', name: body.name })
      await replaceTags(trx, caller.teamId, made.id, body.tags)
      const event = { teamId: caller.teamId, subject: made.id, actor: caller.userName }
      await recordEvents(trx, now, [{ ...event, type: 'dataset.created', data: { name: made.name } }])
      return made
    })
    return toDataset(deps.db, row)
  },

  show: async ({ caller, params }, { db }) => toDataset(db, await findDataset(db, caller.teamId, params.dataset)),

  async update({ caller, params, body }, deps) {
    const { tags, ...changes } = body
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
    try {
      const row = await change(deps, async (trx) => {
        const dataset = await holdDataset(trx, caller.teamId, params.dataset)
        if (Object.keys(given).length > 0) {
          await trx.updateTable('datasets').set(given).where('id', '=', dataset.id).execute()
        }
        if (tags !== undefined) await replaceTags(trx, caller.teamId, dataset.id, tags)
        const event = { teamId: caller.teamId, subject: dataset.id, actor: caller.userName }
        await recordEvents(trx, deps.clock.now(), [{ ...event, type: 'dataset.updated', data: { ...body } }])
        return { ...dataset, ...given }
      })
      return await toDataset(deps.db, row)
    } catch (error) {
      if (isUniqueViolation(error)) throw new AppError('name_taken', { noun: 'dataset', name: body.name ?? '' })
      throw error
    }
  },

  async delete({ caller, params }, deps) {
    const gone = await change(deps, async (trx) => {
      const dataset = await holdDataset(trx, caller.teamId, params.dataset)
      const versions = await trx
        .selectFrom('datasetVersions')
        .select(['id', 'volumeId'])
        .where('datasetId', '=', dataset.id)
        .execute()
      await forget(trx, versions, `The dataset ${dataset.name}`)
      await trx.deleteFrom('tags').where('subjectId', '=', dataset.id).execute()
      await trx.deleteFrom('datasets').where('id', '=', dataset.id).execute()
      const event = { teamId: caller.teamId, subject: dataset.id, actor: caller.userName, type: 'dataset.deleted' }
      await recordEvents(trx, deps.clock.now(), [{ ...event, data: { name: dataset.name } }])
      return versions
    })
    // One that is being prepared is given up.
    for (const { id } of gone) deps.loop.wake(id)
    return { deleted: true }
  },

  async versions({ caller, params, query }, { db }) {
    const dataset = await findDataset(db, caller.teamId, params.dataset)
    let rows = db.selectFrom('datasetVersions').selectAll().where('datasetId', '=', dataset.id)
    if (query.after !== undefined) {
      if (!/^\d{1,9}$/.test(query.after)) {
        throw new AppError('invalid', { detail: '`after` is not the `next` of a page.' })
      }
      rows = rows.where('version', '<', Number(query.after))
    }
    const found = await rows
      .orderBy('version', 'desc')
      .limit(query.limit + 1)
      .execute()
    const page = found.slice(0, query.limit)
    const last = page.at(-1)
    const items = (await toVersions(db, page)).get(dataset.id) ?? []
    return { items, next: found.length > query.limit && last ? String(last.version) : null }
  },

  commit: ({ caller, params, body }, deps) => commitVersion(deps, caller, params.dataset, body),

  async version({ caller, params }, { db }) {
    const dataset = await findDataset(db, caller.teamId, params.dataset)
    return toVersion(db, await findVersion(db, dataset, params.version))
  },

  async deleteVersion({ caller, params }, deps) {
    const gone = await change(deps, async (trx) => {
      const dataset = await holdDataset(trx, caller.teamId, params.dataset)
      const version = await findVersion(trx, dataset, params.version)
      await forget(trx, [version], `Version ${version.version} of the dataset ${dataset.name}`)
      const event = { teamId: caller.teamId, subject: dataset.id, actor: caller.userName }
      const data = { name: dataset.name, version: version.version, versionId: version.id }
      await recordEvents(trx, deps.clock.now(), [{ ...event, type: 'dataset.version_deleted', data }])
      return version.id
    })
    deps.loop.wake(gone)
    return { deleted: true }
  },
}

/** Takes versions away. Throws `conflict` while a job that has not ended reads one. */
async function forget(trx: Trx, versions: readonly { id: string; volumeId: string }[], what: string): Promise<void> {
  if (versions.length === 0) return
  const ids = versions.map(({ id }) => id)
  // First, so that a job which is being submitted either finds it gone or is seen here.
  await trx.deleteFrom('datasetTags').where('versionId', 'in', ids).execute()
  await trx.deleteFrom('datasetVersions').where('id', 'in', ids).execute()
  const volumes = versions.map(({ volumeId }) => volumeId)
  await trx.deleteFrom('volumes').where('id', 'in', volumes).execute()
  const [first, ...others] = await jobsReading(trx, ids)
  if (first === undefined) return
  const more = others.length > 0 ? ` and ${others.length > 2 ? 'others' : others.join(', ')}` : ''
  throw new AppError('conflict', { detail: `${what} is read by job ${first}${more}, which has not ended.` })
}
