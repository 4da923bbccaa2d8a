import { type Dataset, type DatasetVersion, type DatasetVersionState, latestTag } from '@nabla/api/dataset'
import type { Kysely } from 'kysely'
import type { DatasetRow, DatasetVersionRow, Tables } from '../../db/tables.ts'

type Db = Pick<Kysely<Tables>, 'selectFrom'>

/** What a caller sees of one dataset. */
export async function toDataset(db: Db, row: DatasetRow): Promise<Dataset> {
  const [dataset] = await toDatasets(db, [row])
  return dataset!
}

/** Adds what stands in other tables, with as many queries for a page as for one. */
export async function toDatasets(db: Db, rows: readonly DatasetRow[]): Promise<Dataset[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const tags = await db.selectFrom('tags').selectAll().where('subjectId', 'in', ids).orderBy('tag').execute()
  const counts = await db
    .selectFrom('datasetVersions')
    .select(({ fn }) => ['datasetId', fn.countAll<number>().as('versions')])
    .where('datasetId', 'in', ids)
    .groupBy('datasetId')
    .execute()
  const latest = await toVersions(db, await latestOf(db, ids))
  return rows.map(({ id, name, description, createdAt }) => ({
    id,
    name,
    description,
    tags: tags.filter((tag) => tag.subjectId === id).map(({ tag }) => tag),
    versions: counts.find(({ datasetId }) => datasetId === id)?.versions ?? 0,
    latest: latest.get(id)?.[0] ?? null,
    createdAt,
  }))
}

/** What a caller sees of one version. */
export async function toVersion(db: Db, row: DatasetVersionRow): Promise<DatasetVersion> {
  return (await toVersions(db, [row])).get(row.datasetId)![0]!
}

/** What a caller sees of versions, by the id of their dataset. */
export async function toVersions(db: Db, rows: readonly DatasetVersionRow[]): Promise<Map<string, DatasetVersion[]>> {
  if (rows.length === 0) return new Map()
  const datasetIds = [...new Set(rows.map(({ datasetId }) => datasetId))]
  const versionIds = rows.map(({ id }) => id)
  const users = await db
    .selectFrom('users')
    .select(['id', 'name'])
    .where('id', 'in', [...new Set(rows.map(({ createdBy }) => createdBy))])
    .execute()
  const tags = await db
    .selectFrom('datasetTags')
    .select(['versionId', 'tag'])
    .where('versionId', 'in', versionIds)
    .orderBy('tag')
    .execute()
  const latest = new Set((await latestOf(db, datasetIds)).map(({ id }) => id))
  const names = new Map(users.map(({ id, name }) => [id, name]))
  const toItem = (row: DatasetVersionRow): DatasetVersion => ({
    id: row.id,
    version: row.version,
    state: row.state as DatasetVersionState,
    reason: row.reason,
    message: row.message,
    tags: [
      ...(latest.has(row.id) ? [latestTag] : []),
      ...tags.filter(({ versionId }) => versionId === row.id).map(({ tag }) => tag),
    ],
    source: row.source,
    digest: row.digest,
    files: row.files,
    sizeBytes: row.sizeBytes,
    createdBy: { id: row.createdBy, name: names.get(row.createdBy) ?? row.createdBy },
    createdAt: row.createdAt,
  })
  return new Map(
    [...Map.groupBy(rows, ({ datasetId }) => datasetId)].map(([id, own]) => [id, own.map((row) => toItem(row))]),
  )
}

/** The newest version of each dataset that is ready. */
async function latestOf(db: Db, datasetIds: readonly string[]): Promise<DatasetVersionRow[]> {
  return db
    .selectFrom('datasetVersions')
    .selectAll()
    .where('datasetId', 'in', datasetIds)
    .where('state', '=', 'ready')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('datasetVersions as newer')
            .select('newer.id')
            .whereRef('newer.datasetId', '=', 'datasetVersions.datasetId')
            .whereRef('newer.version', '>', 'datasetVersions.version')
            .where('newer.state', '=', 'ready'),
        ),
      ),
    )
    .execute()
}
