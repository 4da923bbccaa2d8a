import type { Kysely } from 'kysely'
import { textType } from './text-type.ts'

/** Experiments, and which of their nodes a job is. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('experiments')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('project_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('exit_code', 'integer')
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('nodes', 'integer', (c) => c.notNull())
    .addColumn('spec', text, (c) => c.notNull())
    .addColumn('workspace_id', text)
    .addColumn('slot', 'integer')
    .addColumn('cli_command', text)
    .addColumn('note', text, (c) => c.notNull())
    .addColumn('created_by', text, (c) => c.notNull())
    .addColumn('parent_experiment_id', text)
    .addColumn('stop_requested_at', text)
    .addColumn('stop_grace_ms', 'integer', (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('start_requested_at', text)
    .addColumn('started_at', text)
    .addColumn('ended_at', text)
    .addColumn('deleted_at', text)
    .addColumn('wake_at', text)
    .addColumn('version', 'integer', (c) => c.notNull())
    .execute()
  const index = (name: string) => db.schema.createIndex(name).on('experiments')
  await index('experiments_by_team').columns(['team_id', 'created_at', 'id']).execute()
  await index('experiments_by_name').columns(['team_id', 'name', 'created_at']).execute()
  await index('experiments_by_project').columns(['project_id']).execute()
  await index('experiments_by_workspace').columns(['workspace_id']).execute()
  await index('experiments_by_end').columns(['ended_at']).execute()
  await index('experiments_by_wake').columns(['wake_at']).execute()
  for (const column of ['experiment_id', 'node_role', 'stop_why'] as const) {
    await db.schema.alterTable('jobs').addColumn(column, text).execute()
  }
  for (const column of ['node_index', 'node_rank', 'node_attempt'] as const) {
    await db.schema.alterTable('jobs').addColumn(column, 'integer').execute()
  }
  await db.schema.createIndex('jobs_by_experiment').on('jobs').columns(['experiment_id']).execute()
}
