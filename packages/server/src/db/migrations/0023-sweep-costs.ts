import type { Kysely } from 'kysely'

/** What trials have cost: hours of their jobs, times what one of the machine type costs. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('sweeps').addColumn('price_per_hour', 'double precision').execute()
  await db.schema
    .alterTable('sweeps')
    .addColumn('spent', 'double precision', (c) => c.notNull().defaultTo(0))
    .execute()
  await db.schema.alterTable('trials').addColumn('cost', 'double precision').execute()
}
