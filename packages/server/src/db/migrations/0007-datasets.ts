import { type Kysely, sql } from 'kysely'
import { textType } from './text-type.ts'

/** Datasets with their versions and tags, and which versions each job reads. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('datasets')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('description', text, (c) => c.notNull())
    .addColumn('last_version', 'integer', (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .execute()
  await db.schema.createIndex('datasets_by_name').unique().on('datasets').columns(['team_id', 'name']).execute()
  await db.schema.createIndex('datasets_by_time').on('datasets').columns(['team_id', 'created_at', 'id']).execute()
  await versions(db)
  await db.schema
    .createTable('dataset_tags')
    .addColumn('dataset_id', text, (c) => c.notNull())
    .addColumn('tag', text, (c) => c.notNull())
    .addColumn('version_id', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('dataset_tags_key', ['dataset_id', 'tag'])
    .execute()
  await db.schema
    .createTable('job_datasets')
    .addColumn('job_id', text, (c) => c.notNull())
    .addColumn('mount', text, (c) => c.notNull())
    .addColumn('dataset_id', text, (c) => c.notNull())
    .addColumn('version_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('digest', text)
    .addPrimaryKeyConstraint('job_datasets_key', ['job_id', 'mount'])
    .execute()
  await db.schema.createIndex('job_datasets_by_version').on('job_datasets').columns(['version_id']).execute()
}

async function versions(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('dataset_versions')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('dataset_id', text, (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('message', text, (c) => c.notNull())
    .addColumn('source', text, (c) => c.notNull())
    .addColumn('sealed_source', text)
    .addColumn('source_volume_id', text)
    .addColumn('base_digest', text)
    .addColumn('wanted_tags', text, (c) => c.notNull())
    .addColumn('volume_id', text, (c) => c.notNull())
    .addColumn('digest', text)
    .addColumn('files', 'integer', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('created_by', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('ended_at', text)
    .execute()
  await db.schema
    .createIndex('dataset_versions_by_number')
    .unique()
    .on('dataset_versions')
    .columns(['dataset_id', 'version'])
    .execute()
  await db.schema
    .createIndex('dataset_versions_preparing')
    .on('dataset_versions')
    .columns(['created_at', 'id'])
    .where(sql.ref('state'), '=', sql.lit('preparing'))
    .execute()
}
