import { datasetName, type DatasetSource, type DatasetVersion } from '@nabla/api/dataset'
import type { DatasetRow, DatasetVersionRow } from '../../db/tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { looksLikeId, newId } from '../../lib/ids.ts'
import { holdTree } from '../../trees/tree-rows.ts'
import type { Caller } from '../kind.ts'
import { findReady, holdDataset } from './find.ts'
import { moveTags, refuseLatest } from './move-tags.ts'
import { type CheckedSource, checkSource, sealSource } from './source.ts'
import { toVersion } from './view.ts'

export interface NewVersion {
  source: DatasetSource
  message: string
  base?: string | undefined
  tags: readonly string[]
  /** Where the files come from, for people, where the source does not tell. */
  from?: string
}

/**
 * Stores a version: ready at once where the files are a tree already, else to be prepared by the control loop. What
 * the latest version is already makes no other.
 */
export async function commitVersion(
  deps: Deps,
  caller: Caller,
  reference: string,
  body: NewVersion,
): Promise<DatasetVersion> {
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  refuseLatest(body.tags)
  const checked = await checkSource(deps, caller, body.source)
  const now = deps.clock.now()
  const row = await change(deps, async (trx) => {
    const dataset = await ensureDataset(trx, caller, reference, now)
    const same = await sameAsLatest(trx, dataset, body)
    if (same) return retagged(trx, caller, dataset, same, body.tags, now)
    return inserted(deps, trx, caller, dataset, { ...body, checked, now })
  })
  if (row.state === 'preparing') deps.loop.wake(row.id)
  return toVersion(deps.db, row)
}

/** The row of a dataset without versions. */
export function newDataset(
  caller: Pick<Caller, 'teamId'>,
  { name, description }: Pick<DatasetRow, 'name' | 'description'>,
  now: number,
): DatasetRow {
  return { id: newId('dataset'), teamId: caller.teamId, name, description, lastVersion: 0, createdAt: toIso(now) }
}

/** By id, or by a name, which makes the dataset if it is not there. Held until the end of the transaction. */
async function ensureDataset(trx: Trx, caller: Caller, reference: string, now: number): Promise<DatasetRow> {
  if (looksLikeId('dataset', reference)) return holdDataset(trx, caller.teamId, reference)
  const name = datasetName.safeParse(reference)
  if (!name.success) {
    const detail = `The dataset ${JSON.stringify(reference)} cannot be made: ${name.error.issues[0]?.message}.`
    throw new AppError('invalid', { detail })
  }
  const made = newDataset(caller, { name: name.data, description: '' }, now)
  const row = await trx
    .insertInto('datasets')
    .values(made)
    // Writes what is there already: that holds the row.
    .onConflict((c) => c.columns(['teamId', 'name']).doUpdateSet((eb) => ({ name: eb.ref('excluded.name') })))
    .returningAll()
    .executeTakeFirstOrThrow()
  if (row.id === made.id) {
    const event = { teamId: caller.teamId, subject: row.id, actor: caller.userName }
    await recordEvents(trx, now, [{ ...event, type: 'dataset.created', data: { name: row.name } }])
  }
  return row
}

async function sameAsLatest(
  trx: Trx,
  dataset: DatasetRow,
  { source, base }: NewVersion,
): Promise<DatasetVersionRow | undefined> {
  if (source.from !== 'tree' || base !== undefined) return undefined
  const latest = await trx
    .selectFrom('datasetVersions')
    .selectAll()
    .where('datasetId', '=', dataset.id)
    .where('state', '=', 'ready')
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  return latest?.digest === source.digest ? latest : undefined
}

async function retagged(
  trx: Trx,
  caller: Caller,
  dataset: DatasetRow,
  row: DatasetVersionRow,
  tags: readonly string[],
  now: number,
): Promise<DatasetVersionRow> {
  await moveTags(trx, row, tags)
  if (tags.length > 0) {
    const event = { teamId: caller.teamId, subject: dataset.id, actor: caller.userName, type: 'dataset.tagged' }
    await recordEvents(trx, now, [{ ...event, data: { name: dataset.name, version: row.version, tags } }])
  }
  return row
}

async function inserted(
  deps: Deps,
  trx: Trx,
  caller: Caller,
  dataset: DatasetRow,
  given: NewVersion & { checked: CheckedSource; now: number },
): Promise<DatasetVersionRow> {
  const { checked, now } = given
  const base = given.base === undefined ? null : await findReady(trx, dataset, given.base)
  if (base) await holdTree(trx, caller.teamId, base.digest, now)
  const tree = await heldTree(trx, caller, checked.source, now)
  const isReady = tree !== null && base === null
  const { lastVersion } = await trx
    .updateTable('datasets')
    .set((eb) => ({ lastVersion: eb('lastVersion', '+', 1) }))
    .where('id', '=', dataset.id)
    .returning('lastVersion')
    .executeTakeFirstOrThrow()
  const id = newId('version')
  const row: DatasetVersionRow = {
    id,
    teamId: caller.teamId,
    datasetId: dataset.id,
    version: lastVersion,
    state: isReady ? 'ready' : 'preparing',
    reason: null,
    message: given.message,
    source: given.from ?? (base ? `${checked.text}, onto version ${base.version}` : checked.text),
    sealedSource: isReady ? null : sealSource(deps, id, checked.source),
    sourceVolumeId: checked.volumeId,
    baseDigest: base?.digest ?? null,
    wantedTags: JSON.stringify(isReady ? [] : given.tags),
    volumeId: newId('volume'),
    digest: isReady ? tree.digest : null,
    files: isReady ? tree.files : 0,
    sizeBytes: isReady ? tree.sizeBytes : 0,
    createdBy: caller.userId,
    createdAt: toIso(now),
    endedAt: isReady ? toIso(now) : null,
  }
  await trx.insertInto('datasetVersions').values(row).execute()
  await insertVolume(trx, row)
  if (isReady) await moveTags(trx, row, given.tags)
  const type = isReady ? 'dataset.version_ready' : 'dataset.version_created'
  const data = { name: dataset.name, version: row.version, versionId: id, source: row.source }
  await recordEvents(trx, now, [{ teamId: caller.teamId, subject: dataset.id, type, actor: caller.userName, data }])
  return row
}

/** Kept from being collected until the volume refers to it. */
async function heldTree(trx: Trx, caller: Caller, source: DatasetSource, now: number) {
  if (source.from !== 'tree') return null
  const tree = await holdTree(trx, caller.teamId, source.digest, now)
  if (!tree) throw new AppError('not_found', { noun: 'tree', id: source.digest })
  return tree
}

async function insertVolume(trx: Trx, row: DatasetVersionRow): Promise<void> {
  const { volumeId: id, teamId, digest, files, sizeBytes, createdAt } = row
  const tree = { digest, treeDigest: digest, files, sizeBytes }
  await trx
    .insertInto('volumes')
    .values({ id, teamId, purpose: 'dataset', ownerId: row.id, origin: null, ...tree, createdAt, deletedAt: null })
    .execute()
}
