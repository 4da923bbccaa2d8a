import { type Kysely, PostgresAdapter, sql } from 'kysely'

/** The first schema: people, projects, jobs, and the machine room below them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await people(db)
  await projectsAndJobs(db)
  await machineRoom(db)
}

async function people(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('users')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('name', text, (c) => c.notNull().unique())
    .addColumn('created_at', text, (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('teams')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('name', text, (c) => c.notNull().unique())
    .addColumn('storage_quota_bytes', 'bigint')
    .addColumn('created_at', text, (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('members')
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('user_id', text, (c) => c.notNull())
    .addColumn('role', text, (c) => c.notNull())
    .addColumn('added_at', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('members_key', ['team_id', 'user_id'])
    .execute()
  await db.schema
    .createTable('keys')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('user_id', text, (c) => c.notNull())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('prefix', text, (c) => c.notNull())
    .addColumn('hash', text, (c) => c.notNull().unique())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('last_used_at', text)
    .addColumn('expires_at', text)
    .execute()
  await db.schema.createIndex('keys_by_user').on('keys').columns(['user_id', 'created_at']).execute()
}

async function projectsAndJobs(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('projects')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('deleted_at', text)
    .execute()
  await db.schema
    .createIndex('projects_by_name')
    .unique()
    .on('projects')
    .columns(['team_id', 'name'])
    .where(sql.ref('deleted_at'), 'is', null)
    .execute()
  await db.schema
    .createTable('jobs')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('project_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('exit_code', 'integer')
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('spec', text, (c) => c.notNull())
    .addColumn('machine_type', text, (c) => c.notNull())
    .addColumn('workspace_id', text)
    .addColumn('artifacts_id', text, (c) => c.notNull())
    .addColumn('parent_job_id', text)
    .addColumn('created_by', text, (c) => c.notNull())
    .addColumn('stop_requested_at', text)
    .addColumn('stop_grace_ms', 'integer', (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('started_at', text)
    .addColumn('ended_at', text)
    .addColumn('deleted_at', text)
    .addColumn('wake_at', text)
    .addColumn('version', 'integer', (c) => c.notNull())
    .execute()
  await jobIndexes(db)
}

async function jobIndexes(db: Kysely<unknown>): Promise<void> {
  for (const [name, columns] of Object.entries({
    jobs_by_age: ['team_id', 'created_at', 'id'],
    jobs_by_state: ['team_id', 'state', 'created_at', 'id'],
    jobs_by_name: ['team_id', 'name', 'created_at'],
    jobs_by_workspace: ['workspace_id'],
  })) {
    await db.schema.createIndex(name).on('jobs').columns(columns).execute()
  }
  // Only what is not deleted. The last column is there so that SQLite counts the jobs of a project in the index alone.
  await db.schema
    .createIndex('jobs_by_project')
    .on('jobs')
    .columns(['team_id', 'project_id', 'created_at', 'id', 'deleted_at'])
    .where(sql.ref('deleted_at'), 'is', null)
    .execute()
  // What the loop looks for: jobs that have not ended, few among many that have.
  await db.schema
    .createIndex('jobs_open')
    .on('jobs')
    .columns(['team_id', 'project_id', 'id'])
    .where(sql.ref('ended_at'), 'is', null)
    .execute()
  await db.schema
    .createIndex('jobs_due')
    .on('jobs')
    .columns(['wake_at'])
    .where(sql.ref('wake_at'), 'is not', null)
    .execute()
  await db.schema
    .createIndex('jobs_deleted')
    .on('jobs')
    .columns(['id'])
    .where(sql.ref('deleted_at'), 'is not', null)
    .execute()
}

async function machineRoom(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('tasks')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('owner_id', text, (c) => c.notNull())
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('engine', text, (c) => c.notNull())
    .addColumn('machine_type', text, (c) => c.notNull())
    .addColumn('priority', 'integer', (c) => c.notNull())
    .addColumn('request', text, (c) => c.notNull())
    .addColumn('gpus', text, (c) => c.notNull())
    .addColumn('desired', text, (c) => c.notNull())
    .addColumn('stop_grace_ms', 'integer', (c) => c.notNull())
    .addColumn('stop_reason', text)
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('phases', text, (c) => c.notNull())
    .addColumn('exit', text)
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('placed_at', text)
    .addColumn('started_at', text)
    .addColumn('ended_at', text)
    .addColumn('removed_at', text)
    .addColumn('version', 'integer', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('tasks_by_owner').unique().on('tasks').columns(['owner_id', 'attempt']).execute()
  await db.schema
    .createIndex('tasks_held')
    .on('tasks')
    .columns(['state'])
    .where(sql.ref('removed_at'), 'is', null)
    .execute()
  await volumes(db)
  await tagsAndSecrets(db)
  await eventsAndLeases(db)
}

async function volumes(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('volumes')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('purpose', text, (c) => c.notNull())
    .addColumn('owner_id', text)
    .addColumn('origin', text)
    .addColumn('digest', text)
    .addColumn('files', 'integer', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('deleted_at', text)
    .execute()
  await db.schema
    .createIndex('volumes_by_digest')
    .on('volumes')
    .columns(['team_id', 'purpose', 'digest'])
    .where(sql.ref('deleted_at'), 'is', null)
    .execute()
  await db.schema.createIndex('volumes_by_owner').unique().on('volumes').columns(['purpose', 'owner_id']).execute()
}

async function tagsAndSecrets(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('tags')
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('subject_id', text, (c) => c.notNull())
    .addColumn('tag', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('tags_key', ['subject_id', 'tag'])
    .execute()
  await db.schema.createIndex('tags_by_tag').on('tags').columns(['team_id', 'tag', 'subject_id']).execute()
  await db.schema
    .createTable('secrets')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('project_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('sealed', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('updated_at', text, (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('secrets_by_name')
    .unique()
    .on('secrets')
    .columns(['team_id', 'project_id', 'name'])
    .execute()
}

async function eventsAndLeases(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('events')
    .addColumn('seq', 'bigint', (c) => c.primaryKey())
    .addColumn('at', text, (c) => c.notNull())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('project_id', text)
    .addColumn('subject', text, (c) => c.notNull())
    .addColumn('type', text, (c) => c.notNull())
    .addColumn('actor', text)
    .addColumn('data', text, (c) => c.notNull())
    .execute()
  await db.schema.createIndex('events_by_team').on('events').columns(['team_id', 'seq']).execute()
  await db.schema.createIndex('events_by_subject').on('events').columns(['subject', 'seq']).execute()
  await db.schema.createIndex('events_by_project').on('events').columns(['project_id', 'seq']).execute()
  await db.schema
    .createTable('counters')
    .addColumn('name', text, (c) => c.primaryKey())
    .addColumn('value', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('leases')
    .addColumn('name', text, (c) => c.primaryKey())
    .addColumn('holder', text, (c) => c.notNull())
    .addColumn('expires_at', text, (c) => c.notNull())
    .addColumn('token', 'bigint', (c) => c.notNull())
    .execute()
}

/** Text that both databases compare byte by byte: SQLite does, PostgreSQL only when told, and then faster. */
function textType(db: Kysely<unknown>) {
  return db.getExecutor().adapter instanceof PostgresAdapter ? sql`text collate "C"` : 'text'
}
