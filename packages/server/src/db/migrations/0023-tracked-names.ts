import { type Kysely, sql } from 'kysely'
import { textType } from './text-type.ts'

/** The names of what runs have logged, by project: those of thousands of runs are read in one go. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('run_names')
    .addColumn('project_id', text, (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('run_names_key', ['project_id', 'kind', 'name'])
    .execute()
  for (const [table, kind] of [
    ['run_metrics', 'metric'],
    ['run_params', 'param'],
    ['run_labels', 'label'],
  ] as const) {
    await sql`
      insert into run_names (project_id, kind, name)
      select distinct runs.project_id, ${kind}, tracked.name
      from ${sql.table(table)} as tracked inner join runs on runs.id = tracked.run_id
    `.execute(db)
  }
}
