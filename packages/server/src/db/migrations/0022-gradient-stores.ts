import type { Kysely } from 'kysely'
import { textType } from './text-type.ts'

/** Buckets that clients of Gradient name, and how far they have read the logs of experiments. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('gradient_storage_providers')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('bucket', text, (c) => c.notNull())
    .addColumn('endpoint', text)
    .addColumn('region', text)
    .addColumn('access_key', text, (c) => c.notNull())
    .addColumn('sealed_secret_key', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('gradient_storage_providers_by_name')
    .unique()
    .on('gradient_storage_providers')
    .columns(['team_id', 'name'])
    .execute()
  await db.schema
    .createTable('gradient_log_places')
    .addColumn('experiment_id', text, (c) => c.notNull())
    .addColumn('line', 'integer', (c) => c.notNull())
    .addColumn('cursor', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('gradient_log_places_key', ['experiment_id', 'line'])
    .execute()
}
