import { type Kysely, sql } from 'kysely'
import { textType } from './text-type.ts'

/** Runs with what they track: parameters, labels, metrics and their values; and models that they logged. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await runs(db)
  await named(db)
  await metrics(db)
  await beside(db)
}

async function runs(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('runs')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('project_id', text, (c) => c.notNull())
    .addColumn('job_id', text)
    .addColumn('parent_run_id', text)
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('source', text, (c) => c.notNull())
    .addColumn('note', text, (c) => c.notNull())
    .addColumn('created_by', text, (c) => c.notNull())
    .addColumn('volume_id', text)
    .addColumn('started_at', text, (c) => c.notNull())
    .addColumn('ended_at', text)
    .addColumn('deleted_at', text)
    .execute()
  await db.schema
    .createIndex('runs_by_time')
    .on('runs')
    .columns(['team_id', 'project_id', 'started_at', 'id'])
    .execute()
  await db.schema.createIndex('runs_by_team').on('runs').columns(['team_id', 'started_at', 'id']).execute()
  await db.schema
    .createIndex('runs_by_job')
    .on('runs')
    .columns(['job_id'])
    .where(sql.ref('job_id'), 'is not', null)
    .execute()
}

async function named(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  for (const table of ['run_params', 'run_labels']) {
    await db.schema
      .createTable(table)
      .addColumn('run_id', text, (c) => c.notNull())
      .addColumn('name', text, (c) => c.notNull())
      .addColumn('value', text, (c) => c.notNull())
      .addPrimaryKeyConstraint(`${table}_key`, ['run_id', 'name'])
      .execute()
  }
}

async function metrics(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('run_journal')
    .addColumn('run_id', text, (c) => c.notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addColumn('body', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('run_journal_key', ['run_id', 'id'])
    .execute()
  await db.schema
    .createTable('run_metrics')
    .addColumn('run_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('value', 'double precision')
    .addColumn('step', 'bigint', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('least', 'double precision')
    .addColumn('most', 'double precision')
    .addColumn('count', 'bigint', (c) => c.notNull())
    .addColumn('axes', text)
    .addColumn('tail', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('run_metrics_key', ['run_id', 'name'])
    .execute()
  await db.schema
    .createTable('run_values')
    .addColumn('run_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('level', 'integer', (c) => c.notNull())
    .addColumn('part', 'bigint', (c) => c.notNull())
    .addColumn('body', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('run_values_key', ['run_id', 'name', 'level', 'part'])
    .execute()
}

async function beside(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('run_inputs')
    .addColumn('run_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('digest', text, (c) => c.notNull())
    .addColumn('about', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('run_inputs_key', ['run_id', 'name', 'digest'])
    .execute()
  await db.schema
    .createTable('tracked_projects')
    .addColumn('project_id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('labels', text, (c) => c.notNull())
    .addColumn('updated_at', text, (c) => c.notNull())
    .addColumn('deleted_at', text)
    .execute()
  await db.schema
    .createIndex('tracked_projects_by_name')
    .unique()
    .on('tracked_projects')
    .columns(['team_id', 'name'])
    .execute()
  await db.schema
    .createTable('logged_models')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('project_id', text, (c) => c.notNull())
    .addColumn('run_id', text)
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('type', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('params', text, (c) => c.notNull())
    .addColumn('labels', text, (c) => c.notNull())
    .addColumn('volume_id', text)
    .addColumn('created_by', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('updated_at', text, (c) => c.notNull())
    .addColumn('deleted_at', text)
    .execute()
  await db.schema
    .createIndex('logged_models_by_time')
    .on('logged_models')
    .columns(['team_id', 'project_id', 'created_at', 'id'])
    .execute()
  await db.schema.createIndex('logged_models_by_run').on('logged_models').columns(['run_id']).execute()
}
