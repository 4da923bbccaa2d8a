import type { Kysely } from 'kysely'
import { textType } from './text-type.ts'

/** How long what jobs leave behind is kept: a rule for a team (its project is the empty text) or for a project. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('retention_rules')
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('project_id', text, (c) => c.notNull())
    .addColumn('keep_last', 'integer')
    .addColumn('keep_days', 'integer')
    .addColumn('updated_at', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('retention_rules_key', ['team_id', 'project_id'])
    .execute()
}
