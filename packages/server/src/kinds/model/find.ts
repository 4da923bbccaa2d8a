import { parseModelReference } from '@nabla/api/model'
import type { Kysely } from 'kysely'
import type { ModelRow, ModelVersionRow } from '../../db/model-tables.ts'
import type { Tables } from '../../db/tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { AppError } from '../../lib/app-error.ts'
import { looksLikeId } from '../../lib/ids.ts'

type Db = Pick<Kysely<Tables>, 'selectFrom'>

/** A version whose files are there. */
export type ReadyVersion = ModelVersionRow & { digest: string }

/** A version with its model. */
export interface Resolved {
  model: ModelRow
  version: ModelVersionRow
}

/** A model of a team by its name or id. Throws AppError `not_found`. */
export async function findModel(db: Db, teamId: string, reference: string): Promise<ModelRow> {
  const found = await db
    .selectFrom('models')
    .selectAll()
    .where('teamId', '=', teamId)
    .where((eb) => eb.or([eb('id', '=', reference), eb('name', '=', reference)]))
    .execute()
  // A name may look like the id of another.
  const model = found.find(({ id }) => id === reference) ?? found[0]
  if (!model) throw new AppError('not_found', { noun: 'model', id: reference })
  return model
}

/** The same, held until the end of the transaction: nobody adds a version to it or deletes it meanwhile. */
export async function holdModel(trx: Trx, teamId: string, reference: string): Promise<ModelRow> {
  const { id } = await findModel(trx, teamId, reference)
  const held = await trx
    .updateTable('models')
    .set((eb) => ({ name: eb.ref('name') }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
  if (!held) throw new AppError('not_found', { noun: 'model', id: reference })
  return held
}

/** A version of a model by its number, an alias, its id or `latest`. Throws AppError `unknown_model_version`. */
export async function findModelVersion(db: Db, model: ModelRow, version: string): Promise<ModelVersionRow> {
  const found = await lookUp(db, model, version)
  if (found) return found
  const missing = version === 'latest' ? await whyNone(db, model) : `version or alias ${version}`
  throw new AppError('unknown_model_version', { model: model.name, version: missing })
}

/**
 * What a reference means, everywhere that a model is named: `name`, `name:3`, `name@champion`, or the id of a model or
 * of a version. Throws AppError `not_found` and `unknown_model_version`.
 */
export async function resolveModel(db: Db, teamId: string, reference: string): Promise<Resolved> {
  const parsed = parseModelReference(reference)
  if (looksLikeId('modelVersion', reference)) {
    const version = await db
      .selectFrom('modelVersions')
      .selectAll()
      .where('id', '=', reference)
      .where('teamId', '=', teamId)
      .executeTakeFirst()
    if (version) return { model: await findModel(db, teamId, version.modelId), version }
  }
  const model = await findModel(db, teamId, parsed.model)
  return { model, version: await findModelVersion(db, model, parsed.version) }
}

/** Throws AppError `conflict` for a version that cannot be used. */
export function assertReady({ name }: Pick<ModelRow, 'name'>, row: ModelVersionRow): ReadyVersion {
  const { version, state, reason, digest } = row
  if (state === 'ready' && digest !== null) return { ...row, digest }
  const detail =
    state === 'failed'
      ? `Version ${version} of the model ${name} failed: ${reason ?? ''}`
      : `Version ${version} of the model ${name} is still being prepared.`
  throw new AppError('conflict', { detail })
}

/** Why a model has no version that could be meant: there is none, or the newest is not ready. */
async function whyNone(db: Db, { id }: ModelRow): Promise<string> {
  const newest = await db
    .selectFrom('modelVersions')
    .select(['version', 'state', 'reason'])
    .where('modelId', '=', id)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!newest) return 'versions'
  if (newest.state !== 'failed') return `version that is ready: version ${newest.version} is still being prepared`
  return `version that is ready: version ${newest.version} failed. ${(newest.reason ?? '').replace(/\.$/, '')}`
}

async function lookUp(db: Db, { id }: ModelRow, version: string): Promise<ModelVersionRow | undefined> {
  const rows = db.selectFrom('modelVersions').selectAll('modelVersions').where('modelVersions.modelId', '=', id)
  if (/^\d{1,9}$/.test(version)) return rows.where('version', '=', Number(version)).executeTakeFirst()
  if (version === 'latest') {
    return rows.where('state', '=', 'ready').orderBy('version', 'desc').limit(1).executeTakeFirst()
  }
  const aliased = await rows
    .innerJoin('modelAliases', 'modelAliases.versionId', 'modelVersions.id')
    .where('modelAliases.modelId', '=', id)
    .where('modelAliases.alias', '=', version)
    .executeTakeFirst()
  return aliased ?? rows.where('modelVersions.id', '=', version).executeTakeFirst()
}
