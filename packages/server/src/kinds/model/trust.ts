import { type ModelRule, modelRules } from '@nabla/api/model'
import { isUniqueViolation } from '../../db/errors.ts'
import type { Trx } from '../../db/transaction.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Handlers } from '../kind.ts'
import { findProject, holdProject } from '../project.ts'
import { assertReady, findModelVersion, holdModel, type Resolved } from './find.ts'
import { holds, readKey, readSignatures, toKey } from './signatures.ts'
import { toModelVersion } from './view.ts'

type Db = Pick<Trx, 'selectFrom'>

type TrustVerb = 'sign' | 'listKeys' | 'addKey' | 'removeKey' | 'showRule' | 'setRule'

export const modelTrustHandlers: Pick<Handlers<'model'>, TrustVerb> = {
  async sign({ caller, params, body }, deps) {
    const { teamId } = caller
    const row = await change(deps, async (trx) => {
      const model = await holdModel(trx, teamId, params.model)
      const version = assertReady(model, await findModelVersion(trx, model, params.version))
      const key = await findKey(trx, teamId, body.key)
      if (!holds(key.publicKey, version.digest, body.signature)) {
        throw new AppError('bad_signature', { reference: `${model.name}:${version.version}`, key: key.name })
      }
      const signed = { signature: body.signature, signedBy: caller.userId, signedAt: toIso(deps.clock.now()) }
      await trx
        .insertInto('modelSignatures')
        .values({ versionId: version.id, keyId: key.id, ...signed })
        .onConflict((c) => c.columns(['versionId', 'keyId']).doUpdateSet(signed))
        .execute()
      const event = { teamId, subject: model.id, actor: caller.userName, projectId: model.projectId }
      const data = { name: model.name, version: version.version, key: key.name }
      await recordEvents(trx, deps.clock.now(), [{ ...event, type: 'model.signed', data }])
      return version
    })
    return toModelVersion(deps.db, row)
  },

  async listKeys({ caller }, { db }) {
    const rows = await db
      .selectFrom('modelKeys')
      .selectAll()
      .where('teamId', '=', caller.teamId)
      .orderBy('name')
      .execute()
    return { items: rows.map(toKey) }
  },

  async addKey({ caller, body }, deps) {
    readKey(body.publicKey)
    const now = deps.clock.now()
    const row = { id: newId('modelKey'), teamId: caller.teamId, ...body, createdAt: toIso(now) }
    try {
      await change(deps, async (trx) => {
        await trx.insertInto('modelKeys').values(row).execute()
        const event = { teamId: caller.teamId, subject: row.id, actor: caller.userName, type: 'model.key_added' }
        await recordEvents(trx, now, [{ ...event, data: { name: row.name } }])
      })
    } catch (error) {
      if (isUniqueViolation(error)) throw new AppError('name_taken', { noun: 'key', name: body.name })
      throw error
    }
    return toKey(row)
  },

  async removeKey({ caller, params }, deps) {
    await change(deps, async (trx) => {
      const key = await findKey(trx, caller.teamId, params.modelKey)
      await trx.deleteFrom('modelSignatures').where('keyId', '=', key.id).execute()
      await trx.deleteFrom('modelKeys').where('id', '=', key.id).execute()
      const event = { teamId: caller.teamId, subject: key.id, actor: caller.userName, type: 'model.key_removed' }
      await recordEvents(trx, deps.clock.now(), [{ ...event, data: { name: key.name } }])
    })
    return { deleted: true }
  },

  async showRule({ caller, params }, { db }) {
    const project = await findProject(db, caller.teamId, params.project)
    const row = await db.selectFrom('modelRules').select('required').where('projectId', '=', project.id).execute()
    return { require: ruleOf(row[0]) }
  },

  async setRule({ caller, params, body }, deps) {
    await change(deps, async (trx) => {
      const { id: projectId, name } = await holdProject(trx, caller.teamId, params.project)
      const required = body.require
      await trx
        .insertInto('modelRules')
        .values({ projectId, teamId: caller.teamId, required })
        .onConflict((c) => c.column('projectId').doUpdateSet({ required }))
        .execute()
      const event = { teamId: caller.teamId, subject: projectId, projectId, actor: caller.userName }
      const data = { name, require: required }
      await recordEvents(trx, deps.clock.now(), [{ ...event, type: 'project.model_rule_set', data }])
    })
    return { require: body.require }
  },
}

/**
 * Refuses a version that the rule of a project does not allow: whoever is about to use one asks here. Throws AppError
 * `model_not_allowed`.
 */
export async function refuseUntrusted(
  db: Db,
  project: { id: string; name: string },
  { model, version }: Resolved,
): Promise<void> {
  const row = await db
    .selectFrom('modelRules')
    .select('required')
    .where('projectId', '=', project.id)
    .executeTakeFirst()
  const refused = (reason: string) =>
    new AppError('model_not_allowed', {
      project: project.name,
      reference: `${model.name}:${version.version}`,
      reason,
    })
  const rule = ruleOf(row)
  if (rule === 'scanned' && version.verdict !== 'clean') {
    throw refused(`its scan found it ${version.verdict ?? 'unread'}`)
  }
  if (rule !== 'signed') return
  const signatures = (await readSignatures(db, [version])).get(version.id) ?? []
  if (!signatures.some(({ valid }) => valid)) throw refused('no key of the team has signed it')
}

/** The same for a revision of a deployment that was stopped: the rule may be another since. */
export async function refuseUntrustedRevision(db: Db, deploymentId: string, revision: number): Promise<void> {
  const rows = await db
    .selectFrom('deploymentModels')
    .innerJoin('deployments', 'deployments.id', 'deploymentModels.deploymentId')
    .innerJoin('projects', 'projects.id', 'deployments.projectId')
    .select(['projects.id', 'projects.name', 'deploymentModels.modelId', 'deploymentModels.versionId'])
    .where('deploymentModels.deploymentId', '=', deploymentId)
    .where('deploymentModels.revision', '=', revision)
    .orderBy('deploymentModels.path')
    .execute()
  for (const { modelId, versionId, ...project } of rows) {
    const model = await db.selectFrom('models').selectAll().where('id', '=', modelId).executeTakeFirst()
    const version = await db.selectFrom('modelVersions').selectAll().where('id', '=', versionId).executeTakeFirst()
    if (model && version) await refuseUntrusted(db, project, { model, version })
  }
}

const ruleOf = (row: { required: string } | undefined): ModelRule =>
  row !== undefined && row.required in modelRules ? (row.required as ModelRule) : 'any'

async function findKey(trx: Trx, teamId: string, reference: string) {
  const found = await trx
    .selectFrom('modelKeys')
    .selectAll()
    .where('teamId', '=', teamId)
    .where((eb) => eb.or([eb('id', '=', reference), eb('name', '=', reference)]))
    .execute()
  const key = found.find(({ id }) => id === reference) ?? found[0]
  if (!key) throw new AppError('not_found', { noun: 'model-key', id: reference })
  return key
}
