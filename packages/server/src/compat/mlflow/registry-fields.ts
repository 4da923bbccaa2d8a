import type { ModelRow, ModelVersionRow } from '../../db/model-tables.ts'
import type { Db } from '../../deps.ts'
import type { Caller } from '../../kinds/kind.ts'
import { AppError } from '../../lib/app-error.ts'
import { fromIso } from '../../lib/clock.ts'
import { artifactUri } from './present.ts'

/** A condition of a search in the registry, such as `name LIKE 'digits%'`. */
export interface RegistryCondition {
  /** `name`, `run_id`, or the name of a tag behind `tag:`. */
  of: string
  operator: '=' | '!=' | 'like' | 'ilike'
  value: string
}

/** Reads a filter: conditions joined by `and`. Throws AppError `bad_filter`. */
export function parseRegistryFilter(text: string): RegistryCondition[] {
  const found: RegistryCondition[] = []
  const pattern =
    /\s*(?:(name|run_id|source_path)|tags?\.(?:`([^`]*)`|"([^"]*)"|([\w.-]+)))\s*(!=|=|ilike|like)\s*(?:'([^']*)'|"([^"]*)")\s*(and\b|$)/iy
  for (let at = 0; at < text.length; at = pattern.lastIndex) {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (!match) {
      const reason = `${JSON.stringify(text.slice(at, at + 60))} is no condition such as name = 'digits' or tags.stage = 'x'`
      throw new AppError('bad_filter', { reason })
    }
    const [, attribute, quoted, doubled, plain, operator = '=', single, double] = match
    const of = attribute === undefined ? `tag:${quoted ?? doubled ?? plain ?? ''}` : attribute.toLowerCase()
    found.push({ of, operator: operator.toLowerCase() as RegistryCondition['operator'], value: single ?? double ?? '' })
  }
  return found
}

/** Where a stage of old MLflow is kept: an attribute of the version that no tag can be. */
export const stageAttribute = 'mlflow.stage'

const statuses: Record<string, string> = {
  preparing: 'PENDING_REGISTRATION',
  ready: 'READY',
  failed: 'FAILED_REGISTRATION',
}

type Attributes = ReadonlyMap<string, { key: string; value: string }[]>

/** Words with values, by what has them. */
export async function readTags(db: Pick<Db, 'selectFrom'>, ids: readonly string[]): Promise<Attributes> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('modelAttributes')
    .selectAll()
    .where('subjectId', 'in', ids)
    .orderBy('name')
    .execute()
  const items = rows.map(({ subjectId, name: key, value }) => ({ subjectId, key, value }))
  return Map.groupBy(items, ({ subjectId }) => subjectId)
}

/** `RegisteredModel` of https://github.com/mlflow/mlflow/blob/master/mlflow/protos/model_registry.proto */
export async function presentModels(db: Db, caller: Caller, rows: readonly ModelRow[]): Promise<object[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const tags = await readTags(db, ids)
  const aliases = await db
    .selectFrom('modelAliases')
    .innerJoin('modelVersions', 'modelVersions.id', 'modelAliases.versionId')
    .select(['modelAliases.modelId', 'modelAliases.alias', 'modelVersions.version'])
    .where('modelAliases.modelId', 'in', ids)
    .execute()
  const newest = await db
    .selectFrom('modelVersions')
    .selectAll()
    .where('modelId', 'in', ids)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('modelVersions as newer')
            .select('newer.id')
            .whereRef('newer.modelId', '=', 'modelVersions.modelId')
            .whereRef('newer.version', '>', 'modelVersions.version'),
        ),
      ),
    )
    .execute()
  const latest = await presentVersions(db, caller, newest)
  return rows.map(({ id, name, notes, createdAt, updatedAt }) => ({
    name,
    description: notes,
    creation_timestamp: fromIso(createdAt),
    last_updated_timestamp: fromIso(updatedAt),
    latest_versions: latest.filter((version) => version['name'] === name),
    tags: (tags.get(id) ?? []).map(({ key, value }) => ({ key, value })),
    aliases: aliases
      .filter(({ modelId }) => modelId === id)
      .map(({ alias, version }) => ({ alias, version: String(version) })),
  }))
}

/** `ModelVersion` of the same. */
export async function presentVersions(
  db: Db,
  caller: Caller,
  rows: readonly ModelVersionRow[],
): Promise<Record<string, unknown>[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const tags = await readTags(db, ids)
  const aliases = await db.selectFrom('modelAliases').selectAll().where('versionId', 'in', ids).execute()
  const models = await db
    .selectFrom('models')
    .select(['id', 'name'])
    .where('teamId', '=', caller.teamId)
    .where('id', 'in', [...new Set(rows.map(({ modelId }) => modelId))])
    .execute()
  return rows.map((row) => {
    const own = tags.get(row.id) ?? []
    return {
      name: models.find(({ id }) => id === row.modelId)?.name ?? row.modelId,
      version: String(row.version),
      creation_timestamp: fromIso(row.createdAt),
      last_updated_timestamp: fromIso(row.endedAt ?? row.createdAt),
      current_stage: own.find(({ key }) => key === stageAttribute)?.value ?? 'None',
      description: row.notes,
      source: row.source,
      ...(row.runId === null ? {} : { run_id: row.runId }),
      status: statuses[row.state] ?? 'READY',
      status_message: row.reason ?? '',
      tags: own.filter(({ key }) => key !== stageAttribute).map(({ key, value }) => ({ key, value })),
      aliases: aliases.filter(({ versionId }) => versionId === row.id).map(({ alias }) => alias),
    }
  })
}

/** Where clients fetch the files of a version: through the proxy, as those of runs. */
export const versionUri = (versionId: string): string => artifactUri(versionId)
