import { type Kysely, PostgresAdapter, sql } from 'kysely'
import { textType } from './text-type.ts'

/** Trees of files by content: chunks, the packs that hold them, whose they are, and the trees made of them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  await db.schema
    .createTable('packs')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('live_bytes', 'bigint', (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('doomed_at', text)
    .execute()
  await chunks(db)
  await db.schema
    .createTable('trees')
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('digest', text, (c) => c.notNull())
    .addColumn('files', 'integer', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('used_at', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('trees_key', ['team_id', 'digest'])
    .execute()
  await db.schema.alterTable('volumes').addColumn('tree_digest', text).execute()
  await db.schema
    .createIndex('volumes_by_tree')
    .on('volumes')
    .columns(['tree_digest', 'team_id'])
    .where(sql.ref('tree_digest'), 'is not', null)
    .execute()
}

/** SQLite keeps these two in the order of their keys and needs no second copy of each hash for it. */
async function chunks(db: Kysely<unknown>): Promise<void> {
  const text = textType(db)
  const form = db.getExecutor().adapter instanceof PostgresAdapter ? sql`` : sql`without rowid`
  await db.schema
    .createTable('chunks')
    .addColumn('hash', text, (c) => c.primaryKey().notNull())
    .addColumn('pack_id', text, (c) => c.notNull())
    .addColumn('offset_bytes', 'integer', (c) => c.notNull())
    .addColumn('stored_bytes', 'integer', (c) => c.notNull())
    .addColumn('size_bytes', 'integer', (c) => c.notNull())
    .addColumn('compressed', 'integer', (c) => c.notNull())
    .addColumn('used_at', text, (c) => c.notNull())
    .addColumn('summary', text)
    .modifyEnd(form)
    .execute()
  await db.schema.createIndex('chunks_by_pack').on('chunks').columns(['pack_id', 'offset_bytes']).execute()
  await db.schema
    .createTable('team_chunks')
    .addColumn('hash', text, (c) => c.notNull())
    .addColumn('team_id', text, (c) => c.notNull())
    .addColumn('used_at', text, (c) => c.notNull())
    .addColumn('marked_at', text)
    .addPrimaryKeyConstraint('team_chunks_key', ['hash', 'team_id'])
    .modifyEnd(form)
    .execute()
}
