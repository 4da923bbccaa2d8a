import { type Kysely, sql } from 'kysely'
import { textType } from './text-type.ts'

/** Models with versions, aliases, signatures and the keys for them, and which versions each job reads. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('models')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('project_id', text)
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('notes', text, (c) => c.notNull())
    .addColumn('last_version', 'integer', (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('updated_at', text, (c) => c.notNull())
    .execute()
  await db.schema.createIndex('models_by_name').unique().on('models').columns(['team_id', 'name']).execute()
  await db.schema.createIndex('models_by_time').on('models').columns(['team_id', 'created_at', 'id']).execute()
  await versions(db)
  await references(db)
  await trust(db)
}

async function versions(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('model_versions')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('model_id', text, (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('type', text)
    .addColumn('notes', text, (c) => c.notNull())
    .addColumn('source', text, (c) => c.notNull())
    .addColumn('source_volume_id', text)
    .addColumn('source_path', text)
    .addColumn('source_digest', text)
    .addColumn('job_id', text)
    .addColumn('run_id', text)
    .addColumn('lineage', text, (c) => c.notNull())
    .addColumn('wanted_aliases', text, (c) => c.notNull())
    .addColumn('metrics', text, (c) => c.notNull())
    .addColumn('volume_id', text, (c) => c.notNull())
    .addColumn('digest', text)
    .addColumn('files', 'integer', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('format', text)
    .addColumn('parameters', 'bigint')
    .addColumn('verdict', text)
    .addColumn('interpretation', text)
    .addColumn('created_by', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('ended_at', text)
    .execute()
  await db.schema
    .createIndex('model_versions_by_number')
    .unique()
    .on('model_versions')
    .columns(['model_id', 'version'])
    .execute()
  await db.schema
    .createIndex('model_versions_preparing')
    .on('model_versions')
    .columns(['created_at', 'id'])
    .where(sql.ref('state'), '=', sql.lit('preparing'))
    .execute()
  await db.schema.createIndex('model_versions_by_source').on('model_versions').columns(['source_volume_id']).execute()
}

async function references(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('model_aliases')
    .addColumn('model_id', text, (c) => c.notNull())
    .addColumn('alias', text, (c) => c.notNull())
    .addColumn('version_id', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('model_aliases_key', ['model_id', 'alias'])
    .execute()
  await db.schema
    .createTable('model_attributes')
    .addColumn('subject_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('value', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('model_attributes_key', ['subject_id', 'name'])
    .execute()
  await db.schema
    .createTable('job_models')
    .addColumn('job_id', text, (c) => c.notNull())
    .addColumn('path', text, (c) => c.notNull())
    .addColumn('model_id', text, (c) => c.notNull())
    .addColumn('version_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('digest', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('job_models_key', ['job_id', 'path'])
    .execute()
  await db.schema.createIndex('job_models_by_version').on('job_models').columns(['version_id']).execute()
}

async function trust(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('model_keys')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('public_key', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .execute()
  await db.schema.createIndex('model_keys_by_name').unique().on('model_keys').columns(['team_id', 'name']).execute()
  await db.schema
    .createTable('model_signatures')
    .addColumn('version_id', text, (c) => c.notNull())
    .addColumn('key_id', text, (c) => c.notNull())
    .addColumn('signature', text, (c) => c.notNull())
    .addColumn('signed_by', text, (c) => c.notNull())
    .addColumn('signed_at', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('model_signatures_key', ['version_id', 'key_id'])
    .execute()
  await db.schema
    .createTable('model_rules')
    .addColumn('project_id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('required', text, (c) => c.notNull())
    .execute()
}
