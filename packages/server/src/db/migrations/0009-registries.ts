import type { Kysely } from 'kysely'
import { textType } from './text-type.ts'

/** Logins for registries of container images, and the images that projects want on the machine before they are used. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('registries')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('host', text, (c) => c.notNull())
    .addColumn('username', text, (c) => c.notNull())
    .addColumn('sealed', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('updated_at', text, (c) => c.notNull())
    .execute()
  await db.schema.createIndex('registries_by_name').unique().on('registries').columns(['team_id', 'name']).execute()
  await db.schema
    .createTable('wanted_images')
    .addColumn('project_id', text, (c) => c.notNull())
    .addColumn('image', text, (c) => c.notNull())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('wanted_images_key', ['project_id', 'image'])
    .execute()
}
