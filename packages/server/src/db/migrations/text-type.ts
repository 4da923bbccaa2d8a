import { type Kysely, PostgresAdapter, sql } from 'kysely'

/** Text that both databases sort byte by byte. Migrations use it, so it never changes. */
export function textType(db: Kysely<unknown>) {
  return db.getExecutor().adapter instanceof PostgresAdapter ? sql`text collate "C"` : 'text'
}
