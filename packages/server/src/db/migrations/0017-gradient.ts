import type { Kysely } from 'kysely'
import { textType } from './text-type.ts'

/** What clients of Gradient do in several steps, between those. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('gradient_uploads')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('workspace_id', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('gradient_drafts')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('dataset_id', text, (c) => c.notNull())
    .addColumn('message', text, (c) => c.notNull())
    .addColumn('version', 'integer')
    .addColumn('created_at', text, (c) => c.notNull())
    .execute()
  await db.schema.createIndex('gradient_drafts_by_dataset').on('gradient_drafts').columns(['dataset_id']).execute()
}
