import { type Kysely, sql } from 'kysely'
import { textType } from './text-type.ts'

/** Packs whose chunks have no rows yet: what those rows will say. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('packs').addColumn('arrived', textType(db)).execute()
  await db.schema
    .createIndex('packs_by_arrival')
    .on('packs')
    .column('id')
    .where(sql.ref('arrived'), 'is not', null)
    .execute()
}
