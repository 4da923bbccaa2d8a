import type { Model, ModelLineage, ModelVersion, ModelVersionState } from '@nabla/api/model'
import type { ModelFormat, ScanVerdict } from '@nabla/api/model-format'
import type { Kysely } from 'kysely'
import type { ModelRow, ModelVersionRow } from '../../db/model-tables.ts'
import type { Tables } from '../../db/tables.ts'
import { readSignatures } from './signatures.ts'

type Db = Pick<Kysely<Tables>, 'selectFrom'>

/** What a caller sees of one model. */
export async function toModel(db: Db, row: ModelRow): Promise<Model> {
  const [model] = await toModels(db, [row])
  return model!
}

/** Adds what stands in other tables, with as many queries for a page as for one. */
export async function toModels(db: Db, rows: readonly ModelRow[]): Promise<Model[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const projectIds = rows.flatMap(({ projectId }) => projectId ?? [])
  const [tags, counts, aliases, attributes, projects, latest] = await Promise.all([
    db.selectFrom('tags').selectAll().where('subjectId', 'in', ids).orderBy('tag').execute(),
    db
      .selectFrom('modelVersions')
      .select(({ fn }) => ['modelId', fn.countAll<number>().as('versions')])
      .where('modelId', 'in', ids)
      .groupBy('modelId')
      .execute(),
    db
      .selectFrom('modelAliases')
      .innerJoin('modelVersions', 'modelVersions.id', 'modelAliases.versionId')
      .select(['modelAliases.modelId', 'modelAliases.alias', 'modelVersions.version'])
      .where('modelAliases.modelId', 'in', ids)
      .orderBy('modelAliases.alias')
      .execute(),
    readAttributes(db, ids),
    projectIds.length === 0
      ? []
      : db
          .selectFrom('projects')
          .select(['id', 'name'])
          .where('id', 'in', projectIds)
          .where('deletedAt', 'is', null)
          .execute(),
    latestOf(db, ids).then((found) => toModelVersions(db, found)),
  ])
  return rows.map(({ id, projectId, name, notes, createdAt, updatedAt }) => ({
    id,
    name,
    project: projects.find((project) => project.id === projectId) ?? null,
    notes,
    tags: tags.filter((tag) => tag.subjectId === id).map(({ tag }) => tag),
    attributes: attributes.get(id) ?? {},
    aliases: Object.fromEntries(
      aliases.filter(({ modelId }) => modelId === id).map(({ alias, version }) => [alias, version]),
    ),
    versions: counts.find(({ modelId }) => modelId === id)?.versions ?? 0,
    latest: latest.find(({ model }) => model.id === id) ?? null,
    createdAt,
    updatedAt,
  }))
}

/** What a caller sees of one version. */
export async function toModelVersion(db: Db, row: ModelVersionRow): Promise<ModelVersion> {
  const [version] = await toModelVersions(db, [row])
  return version!
}

/** What a caller sees of versions, in their order. */
export async function toModelVersions(db: Db, rows: readonly ModelVersionRow[]): Promise<ModelVersion[]> {
  if (rows.length === 0) return []
  const versionIds = rows.map(({ id }) => id)
  const [models, users, aliases, attributes, signatures] = await Promise.all([
    db
      .selectFrom('models')
      .select(['id', 'name'])
      .where('id', 'in', [...new Set(rows.map(({ modelId }) => modelId))])
      .execute(),
    db
      .selectFrom('users')
      .select(['id', 'name'])
      .where('id', 'in', [...new Set(rows.map(({ createdBy }) => createdBy))])
      .execute(),
    db
      .selectFrom('modelAliases')
      .select(['versionId', 'alias'])
      .where('versionId', 'in', versionIds)
      .orderBy('alias')
      .execute(),
    readAttributes(db, versionIds),
    readSignatures(db, rows),
  ])
  const modelNames = new Map(models.map(({ id, name }) => [id, name]))
  const userNames = new Map(users.map(({ id, name }) => [id, name]))
  return rows.map((row) => {
    const name = modelNames.get(row.modelId) ?? row.modelId
    return {
      ...plain(row),
      model: { id: row.modelId, name },
      reference: `${name}:${row.version}`,
      aliases: aliases.filter(({ versionId }) => versionId === row.id).map(({ alias }) => alias),
      attributes: attributes.get(row.id) ?? {},
      signatures: signatures.get(row.id) ?? [],
      createdBy: { id: row.createdBy, name: userNames.get(row.createdBy) ?? row.createdBy },
    }
  })
}

function plain(row: ModelVersionRow) {
  const { id, version, reason, type, notes, source, digest, files, sizeBytes, parameters, createdAt } = row
  return {
    id,
    version,
    reason,
    type,
    notes,
    source,
    digest,
    files,
    sizeBytes,
    parameters,
    createdAt,
    state: row.state as ModelVersionState,
    format: row.format as ModelFormat | null,
    verdict: row.verdict as ScanVerdict | null,
    metrics: JSON.parse(row.metrics) as ModelVersion['metrics'],
    lineage: JSON.parse(row.lineage) as ModelLineage,
  }
}

/** The newest version of each model that is ready. */
async function latestOf(db: Db, modelIds: readonly string[]): Promise<ModelVersionRow[]> {
  return db
    .selectFrom('modelVersions')
    .selectAll()
    .where('modelId', 'in', modelIds)
    .where('state', '=', 'ready')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('modelVersions as newer')
            .select('newer.id')
            .whereRef('newer.modelId', '=', 'modelVersions.modelId')
            .whereRef('newer.version', '>', 'modelVersions.version')
            .where('newer.state', '=', 'ready'),
        ),
      ),
    )
    .execute()
}

async function readAttributes(db: Db, ids: readonly string[]): Promise<Map<string, Record<string, string>>> {
  const rows = await db
    .selectFrom('modelAttributes')
    .selectAll()
    .where('subjectId', 'in', ids)
    .orderBy('name')
    .execute()
  const found = new Map<string, Record<string, string>>()
  for (const { subjectId, name, value } of rows) {
    const own = found.get(subjectId) ?? {}
    Object.defineProperty(own, name, { value, enumerable: true, configurable: true, writable: true })
    found.set(subjectId, own)
  }
  return found
}
