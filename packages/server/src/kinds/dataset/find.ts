import { latestTag } from '@nabla/api/dataset'
import type { Kysely } from 'kysely'
import type { DatasetRow, DatasetVersionRow, Tables } from '../../db/tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { AppError } from '../../lib/app-error.ts'

type Db = Pick<Kysely<Tables>, 'selectFrom'>

/** A dataset of a team by its name or id. Throws AppError `not_found`. */
export async function findDataset(db: Db, teamId: string, reference: string): Promise<DatasetRow> {
  const found = await db
    .selectFrom('datasets')
    .selectAll()
    .where('teamId', '=', teamId)
    .where((eb) => eb.or([eb('id', '=', reference), eb('name', '=', reference)]))
    .execute()
  // A name may look like the id of another.
  const dataset = found.find(({ id }) => id === reference) ?? found[0]
  if (!dataset) throw new AppError('not_found', { noun: 'dataset', id: reference })
  return dataset
}

/** The same, held until the end of the transaction: nobody adds a version to it or deletes it meanwhile. */
export async function holdDataset(trx: Trx, teamId: string, reference: string): Promise<DatasetRow> {
  const { id } = await findDataset(trx, teamId, reference)
  const held = await trx
    .updateTable('datasets')
    .set((eb) => ({ name: eb.ref('name') }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
  if (!held) throw new AppError('not_found', { noun: 'dataset', id: reference })
  return held
}

/** A version by its number or a tag. Throws AppError `unknown_version`. */
export async function findVersion(db: Db, dataset: DatasetRow, version: string): Promise<DatasetVersionRow> {
  const found = await lookUp(db, dataset, version)
  if (!found) throw new AppError('unknown_version', { dataset: dataset.name, version })
  return found
}

/** A version that is ready, with the digest of its tree. Throws `unknown_version` and `conflict`. */
export async function findReady(
  db: Db,
  dataset: DatasetRow,
  version: string,
): Promise<DatasetVersionRow & { digest: string }> {
  const row = await findVersion(db, dataset, version)
  if (row.digest === null) throw notReady(dataset, row)
  return { ...row, digest: row.digest }
}

/** Says that a version cannot be used, and why. */
export function notReady({ name }: Pick<DatasetRow, 'name'>, { version, state, reason }: DatasetVersionRow): AppError {
  const detail =
    state === 'failed'
      ? `Version ${version} of the dataset ${name} failed: ${reason ?? ''}`
      : `Version ${version} of the dataset ${name} is still being prepared.`
  return new AppError('conflict', { detail })
}

async function lookUp(db: Db, { id }: DatasetRow, version: string): Promise<DatasetVersionRow | undefined> {
  const rows = db.selectFrom('datasetVersions').selectAll('datasetVersions').where('datasetVersions.datasetId', '=', id)
  if (/^\d{1,9}$/.test(version)) return rows.where('version', '=', Number(version)).executeTakeFirst()
  if (version !== latestTag) {
    return rows
      .innerJoin('datasetTags', 'datasetTags.versionId', 'datasetVersions.id')
      .where('datasetTags.tag', '=', version)
      .executeTakeFirst()
  }
  const newest = rows.orderBy('version', 'desc').limit(1)
  // Of a dataset that has none yet, the one that will be the first.
  return (
    (await newest.where('state', '=', 'ready').executeTakeFirst()) ??
    (await newest.where('state', '=', 'preparing').executeTakeFirst())
  )
}
