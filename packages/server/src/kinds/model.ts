import { isUniqueViolation } from '../db/errors.ts'
import type { ModelRow, ModelVersionRow } from '../db/model-tables.ts'
import { isAfter, toPage } from '../db/paging.ts'
import type { Trx } from '../db/transaction.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import type { Handlers } from './kind.ts'
import { modelAliasHandlers } from './model/aliases.ts'
import { commitModelVersion } from './model/commit.ts'
import { modelFileHandlers } from './model/files.ts'
import { findModel, findModelVersion, holdModel, resolveModel } from './model/find.ts'
import { newModel } from './model/insert.ts'
import { listUses, usesOf } from './model/referred.ts'
import { modelTrustHandlers } from './model/trust.ts'
import { toModel, toModels, toModelVersion, toModelVersions } from './model/view.ts'
import { findProject, holdProject } from './project.ts'
import { replaceTags } from './tags.ts'

export const modelHandlers: Handlers<'model'> = {
  ...modelAliasHandlers,
  ...modelFileHandlers,
  ...modelTrustHandlers,

  async list({ caller, query }, { db }) {
    const { name, tag, project } = query
    let rows = db.selectFrom('models').selectAll().where('teamId', '=', caller.teamId)
    if (project !== undefined) rows = rows.where('projectId', '=', (await findProject(db, caller.teamId, project)).id)
    // As a range, not as a pattern: `%` and `_` are letters like others, and an index can be used.
    if (name) rows = rows.where('name', '>=', name).where('name', '<', `${name}\u{10ffff}`)
    if (tag) {
      rows = rows.where((eb) =>
        eb.exists(
          eb
            .selectFrom('tags')
            .select('tags.tag')
            .whereRef('tags.subjectId', '=', 'models.id')
            .where('tags.teamId', '=', caller.teamId)
            .where('tags.tag', '=', tag),
        ),
      )
    }
    const found = await rows
      .where(isAfter('models.createdAt', 'models.id', query.after))
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
    return { ...page, items: await toModels(db, page.items) }
  },

  async create({ caller, body }, deps) {
    const now = deps.clock.now()
    const row = await change(deps, async (trx) => {
      const project = body.project === undefined ? null : await holdProject(trx, caller.teamId, body.project)
      const made = await trx
        .insertInto('models')
        .values(newModel(caller, { ...body, projectId: project?.id ?? null }, now))
        .onConflict((c) => c.columns(['teamId', 'name']).doNothing())
        .returningAll()
        .executeTakeFirst()
      if (!made) throw new AppError('name_taken', { noun: 'model', name: body.name })
      await replaceTags(trx, caller.teamId, made.id, body.tags)
      const event = { teamId: caller.teamId, subject: made.id, actor: caller.userName, projectId: made.projectId }
      await recordEvents(trx, now, [{ ...event, type: 'model.created', data: { name: made.name } }])
      return made
    })
    return toModel(deps.db, row)
  },

  show: async ({ caller, params }, { db }) => toModel(db, await findModel(db, caller.teamId, params.model)),

  async update({ caller, params, body }, deps) {
    const { tags, ...changes } = body
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
    const now = deps.clock.now()
    try {
      const row = await change(deps, async (trx) => {
        const model = await holdModel(trx, caller.teamId, params.model)
        const fields = { ...given, updatedAt: toIso(now) }
        await trx.updateTable('models').set(fields).where('id', '=', model.id).execute()
        if (tags !== undefined) await replaceTags(trx, caller.teamId, model.id, tags)
        const event = { teamId: caller.teamId, subject: model.id, actor: caller.userName, projectId: model.projectId }
        await recordEvents(trx, now, [{ ...event, type: 'model.updated', data: { ...body } }])
        return { ...model, ...fields }
      })
      return await toModel(deps.db, row)
    } catch (error) {
      if (isUniqueViolation(error)) throw new AppError('name_taken', { noun: 'model', name: body.name ?? '' })
      throw error
    }
  },

  async delete({ caller, params }, deps) {
    const gone = await change(deps, async (trx) => {
      const model = await holdModel(trx, caller.teamId, params.model)
      const versions = await trx.selectFrom('modelVersions').selectAll().where('modelId', '=', model.id).execute()
      await forget(trx, model, versions)
      await trx.deleteFrom('tags').where('subjectId', '=', model.id).execute()
      await trx.deleteFrom('modelAttributes').where('subjectId', '=', model.id).execute()
      await trx.deleteFrom('models').where('id', '=', model.id).execute()
      const event = { teamId: caller.teamId, subject: model.id, actor: caller.userName, projectId: model.projectId }
      await recordEvents(trx, deps.clock.now(), [{ ...event, type: 'model.deleted', data: { name: model.name } }])
      return versions
    })
    // One that is being prepared is given up.
    for (const { id } of gone) deps.loop.wake(id)
    return { deleted: true }
  },

  async resolve({ caller, query }, { db }) {
    return toModelVersion(db, (await resolveModel(db, caller.teamId, query.reference)).version)
  },

  async versions({ caller, params, query }, { db }) {
    const model = await findModel(db, caller.teamId, params.model)
    let rows = db.selectFrom('modelVersions').selectAll().where('modelId', '=', model.id)
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
    return {
      items: await toModelVersions(db, page),
      next: found.length > query.limit && last ? String(last.version) : null,
    }
  },

  commit: ({ caller, params, body }, deps) => commitModelVersion(deps, caller, params.model, body),

  async version({ caller, params }, { db }) {
    const model = await findModel(db, caller.teamId, params.model)
    return toModelVersion(db, await findModelVersion(db, model, params.version))
  },

  async uses({ caller, params }, { db }) {
    const model = await findModel(db, caller.teamId, params.model)
    return { items: await listUses(db, (await findModelVersion(db, model, params.version)).id) }
  },

  async updateVersion({ caller, params, body }, deps) {
    const { metrics, ...changes } = body
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
    const fields = { ...given, ...(metrics && { metrics: JSON.stringify(metrics) }) }
    const row = await change(deps, async (trx) => {
      const model = await holdModel(trx, caller.teamId, params.model)
      const version = await findModelVersion(trx, model, params.version)
      if (Object.keys(fields).length > 0) {
        await trx.updateTable('modelVersions').set(fields).where('id', '=', version.id).execute()
      }
      const event = { teamId: caller.teamId, subject: model.id, actor: caller.userName, projectId: model.projectId }
      const data = { name: model.name, version: version.version, versionId: version.id }
      await recordEvents(trx, deps.clock.now(), [{ ...event, type: 'model.version_updated', data }])
      return { ...version, ...fields }
    })
    return toModelVersion(deps.db, row)
  },

  async deleteVersion({ caller, params }, deps) {
    const gone = await change(deps, async (trx) => {
      const model = await holdModel(trx, caller.teamId, params.model)
      const version = await findModelVersion(trx, model, params.version)
      await forget(trx, model, [version])
      const event = { teamId: caller.teamId, subject: model.id, actor: caller.userName, projectId: model.projectId }
      const data = { name: model.name, version: version.version, versionId: version.id }
      await recordEvents(trx, deps.clock.now(), [{ ...event, type: 'model.version_deleted', data }])
      return version.id
    })
    deps.loop.wake(gone)
    return { deleted: true }
  },
}

/** Takes versions away. Throws `conflict` while one has an alias or is in use. The model is held. */
async function forget(trx: Trx, { name }: ModelRow, versions: readonly ModelVersionRow[]): Promise<void> {
  if (versions.length === 0) return
  const ids = versions.map(({ id }) => id)
  const aliased = await trx
    .selectFrom('modelAliases')
    .select(['alias', 'versionId'])
    .where('versionId', 'in', ids)
    .orderBy('alias')
    .execute()
  const [first] = aliased
  if (first) {
    const number = versions.find(({ id }) => id === first.versionId)?.version
    const detail = `${name}:${number} is ${name}@${first.alias}: take the alias away first, or give it to another version.`
    throw new AppError('conflict', { detail })
  }
  // Before looking who uses them, so that a job which is being submitted either finds them gone or is seen.
  await trx.deleteFrom('modelSignatures').where('versionId', 'in', ids).execute()
  await trx.deleteFrom('modelAttributes').where('subjectId', 'in', ids).execute()
  await trx.deleteFrom('modelVersions').where('id', 'in', ids).execute()
  const volumes = versions.map(({ volumeId }) => volumeId)
  await trx.deleteFrom('volumes').where('id', 'in', volumes).execute()
  const uses = await usesOf(trx, ids)
  if (uses.length === 0) return
  const which = versions.length === 1 ? `${name}:${versions[0]?.version}` : name
  const todo = 'A job has to end first; a deployment has to serve another version, or to be deleted.'
  throw new AppError('conflict', { detail: `The model ${which} is in use by ${uses.slice(0, 3).join(', ')}. ${todo}` })
}
