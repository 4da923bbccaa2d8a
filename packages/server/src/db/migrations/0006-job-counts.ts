import { type Kysely, sql } from 'kysely'

/** Counts of jobs by state, for all of a team and for one project, read from the index alone. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('jobs_by_count')
    .on('jobs')
    .columns(['team_id', 'state', 'project_id', 'deleted_at'])
    .where(sql.ref('deleted_at'), 'is', null)
    .execute()
}
