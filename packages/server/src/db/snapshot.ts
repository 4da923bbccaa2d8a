import { join } from 'node:path'
import { Kysely, type Transaction, sql } from 'kysely'
import type { Config } from '../config.ts'
import { AppError } from '../lib/app-error.ts'
import { postgresDialect } from './postgres.ts'
import { sqliteDialect } from './sqlite.ts'

/** All of a database as it was at one moment, while others go on writing. Names are those of SQL. */
export interface Snapshot {
  /** Names of the migrations that made its schema, in their order. */
  migrations: readonly string[]
  tables: readonly SnapshotTable[]
  /** Rows of a table, in no order, as values in the order of its columns: text, numbers and null. */
  rows(table: SnapshotTable): AsyncIterable<unknown[]>
}

export interface SnapshotTable {
  name: string
  columns: readonly string[]
}

/**
 * Calls `use` with a snapshot of the database that the settings name. Changes nothing in it, and does not bring its
 * schema up to date. Throws AppError `database_unavailable`.
 */
export async function readSnapshot<T>(
  config: Pick<Config, 'data' | 'database'>,
  use: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  const isSqlite = config.database === 'sqlite'
  const dialect = isSqlite
    ? sqliteDialect(join(config.data, 'nabla.db'), { readOnly: true })
    : postgresDialect(config.database)
  const db = new Kysely<AnyTables>({ dialect })
  try {
    await sql`select 1`.execute(db).catch((error: unknown) => {
      throw new AppError('database_unavailable', { reason: error instanceof Error ? error.message : String(error) })
    })
    const transaction = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only')
    return await transaction.execute(async (trx) => {
      // What is read goes to a place that may be slow for a while.
      if (!isSqlite) await sql`set local idle_in_transaction_session_timeout = '1h'`.execute(trx)
      const done = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(trx)
      return use({
        migrations: done.rows.map(({ name }) => name),
        tables: await tablesOf(trx),
        rows: (table) => (isSqlite ? streamRows(trx, table) : fetchRows(trx, table)),
      })
    })
  } finally {
    await db.destroy()
  }
}

/** Tables of ours, by name; not those in which migrations are remembered. */
export async function tablesOf(db: Kysely<AnyTables>): Promise<SnapshotTable[]> {
  const found = await db.introspection.getTables()
  return found
    .filter(({ name, isView }) => !isView && !name.startsWith('kysely_'))
    .map(({ name, columns }) => ({ name, columns: columns.map((column) => column.name) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

export type AnyTables = Record<string, Record<string, unknown>>

const rowsAtOnce = 1000

async function* streamRows(trx: Transaction<AnyTables>, { name, columns }: SnapshotTable): AsyncGenerator<unknown[]> {
  for await (const row of trx.selectFrom(name).selectAll().stream(rowsAtOnce)) yield columns.map((name) => row[name])
}

/** By a cursor of the database, so that memory holds few rows: https://www.postgresql.org/docs/current/sql-declare.html */
async function* fetchRows(trx: Transaction<AnyTables>, { name, columns }: SnapshotTable): AsyncGenerator<unknown[]> {
  await sql`declare rows_of_table no scroll cursor for select * from ${sql.table(name)}`.execute(trx)
  for (;;) {
    const { rows } = await sql<Record<string, unknown>>`fetch ${sql.lit(rowsAtOnce)} from rows_of_table`.execute(trx)
    for (const row of rows) yield columns.map((name) => row[name])
    if (rows.length < rowsAtOnce) break
  }
  await sql`close rows_of_table`.execute(trx)
}
