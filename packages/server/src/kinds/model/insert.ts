import { modelName, type ModelLineage, type ModelVersion } from '@nabla/api/model'
import type { ModelRow, ModelVersionRow } from '../../db/model-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { looksLikeId, newId } from '../../lib/ids.ts'
import { holdTree } from '../../trees/tree-rows.ts'
import type { Caller } from '../kind.ts'
import { holdModel } from './find.ts'

/** Who makes a version: a caller, or the server in the name of one. */
export type Maker = Pick<Caller, 'teamId' | 'userId'> & { userName: string | null }

/** A version before it has its number. */
export interface NewVersion {
  type?: string | undefined
  notes?: string
  aliases?: readonly string[]
  metrics?: ModelVersion['metrics']
  /** Of a model that is made by this. */
  projectId?: string | null
  from: TakenFrom
}

/** Where the files of a version are taken from, as it was checked. */
export interface TakenFrom {
  /** For people. */
  text: string
  digest?: string
  volumeId?: string
  path?: string
  jobId?: string | null
  runId?: string | null
  lineage: ModelLineage
}

/** The row of a model without versions. */
export function newModel(
  { teamId }: Pick<Maker, 'teamId'>,
  { name, notes, projectId }: Pick<ModelRow, 'name' | 'notes' | 'projectId'>,
  now: number,
): ModelRow {
  const at = toIso(now)
  return { id: newId('model'), teamId, projectId, name, notes, lastVersion: 0, createdAt: at, updatedAt: at }
}

/** By id, or by a name, which makes the model if it is not there. Held until the end of the transaction. */
export async function ensureModel(
  trx: Trx,
  maker: Maker,
  reference: string,
  now: number,
  projectId: string | null,
): Promise<ModelRow> {
  if (looksLikeId('model', reference)) return holdModel(trx, maker.teamId, reference)
  const name = modelName.safeParse(reference)
  if (!name.success) {
    const detail = `The model ${JSON.stringify(reference)} cannot be made: ${name.error.issues[0]?.message}.`
    throw new AppError('invalid', { detail })
  }
  const made = newModel(maker, { name: name.data, notes: '', projectId }, now)
  const row = await trx
    .insertInto('models')
    .values(made)
    // Writes what is there already: that holds the row.
    .onConflict((c) => c.columns(['teamId', 'name']).doUpdateSet((eb) => ({ name: eb.ref('excluded.name') })))
    .returningAll()
    .executeTakeFirstOrThrow()
  if (row.id === made.id) {
    const event = { teamId: maker.teamId, subject: row.id, actor: maker.userName, projectId: row.projectId }
    await recordEvents(trx, now, [{ ...event, type: 'model.created', data: { name: row.name } }])
  }
  return row
}

/** Gives a version its number. The model is held by the transaction. */
export async function insertVersion(
  trx: Trx,
  maker: Maker,
  model: ModelRow,
  { from, ...given }: NewVersion,
  now: number,
): Promise<ModelVersionRow> {
  const { teamId } = maker
  if (from.digest !== undefined && !(await holdTree(trx, teamId, from.digest, now))) {
    throw new AppError('not_found', { noun: 'tree', id: from.digest })
  }
  const { lastVersion } = await trx
    .updateTable('models')
    .set((eb) => ({ lastVersion: eb('lastVersion', '+', 1), updatedAt: toIso(now) }))
    .where('id', '=', model.id)
    .returning('lastVersion')
    .executeTakeFirstOrThrow()
  const row: ModelVersionRow = {
    id: newId('modelVersion'),
    teamId,
    modelId: model.id,
    version: lastVersion,
    state: 'preparing',
    reason: null,
    type: given.type ?? null,
    notes: given.notes ?? '',
    source: from.text,
    sourceVolumeId: from.volumeId ?? null,
    sourcePath: from.path ?? null,
    sourceDigest: from.digest ?? null,
    jobId: from.jobId ?? null,
    runId: from.runId ?? null,
    lineage: JSON.stringify(from.lineage),
    wantedAliases: JSON.stringify(given.aliases ?? []),
    metrics: JSON.stringify(given.metrics ?? []),
    volumeId: newId('volume'),
    digest: null,
    files: 0,
    sizeBytes: 0,
    format: null,
    parameters: null,
    verdict: null,
    interpretation: null,
    createdBy: maker.userId,
    createdAt: toIso(now),
    endedAt: null,
  }
  await trx.insertInto('modelVersions').values(row).execute()
  await insertVolume(trx, row)
  const event = { teamId, subject: model.id, actor: maker.userName, projectId: model.projectId }
  const data = { name: model.name, version: row.version, versionId: row.id, source: row.source }
  await recordEvents(trx, now, [{ ...event, type: 'model.version_created', data }])
  return row
}

/** A tree that was sent is kept by it from now on; other files become a tree first. */
async function insertVolume(trx: Trx, { volumeId: id, teamId, id: ownerId, sourceDigest, createdAt }: ModelVersionRow) {
  const tree = { digest: sourceDigest, treeDigest: sourceDigest, files: 0, sizeBytes: 0 }
  await trx
    .insertInto('volumes')
    .values({ id, teamId, purpose: 'model', ownerId, origin: null, ...tree, createdAt, deletedAt: null })
    .execute()
}
