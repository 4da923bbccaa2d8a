import type { Kysely } from 'kysely'
import { textType } from './text-type.ts'

/** TensorBoards, and how far the event files that jobs write have been read. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('tensorboards')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('project_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('sources', text, (c) => c.notNull())
    .addColumn('placed', text, (c) => c.notNull())
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('idle_minutes', 'integer', (c) => c.notNull())
    .addColumn('created_by', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('started_at', text)
    .addColumn('used_at', text, (c) => c.notNull())
    .addColumn('stop_requested_at', text)
    .addColumn('restart', 'integer', (c) => c.notNull())
    .addColumn('ended_at', text)
    .addColumn('deleted_at', text)
    .addColumn('wake_at', text)
    .addColumn('version', 'integer', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('tensorboards_by_time')
    .on('tensorboards')
    .columns(['team_id', 'created_at', 'id'])
    .execute()
  await db.schema
    .createTable('run_event_files')
    .addColumn('run_id', text, (c) => c.notNull())
    .addColumn('path', text, (c) => c.notNull())
    .addColumn('prefix', text, (c) => c.notNull())
    .addColumn('read_bytes', 'bigint', (c) => c.notNull())
    .addColumn('damaged', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('run_event_files_key', ['run_id', 'path'])
    .execute()
}
