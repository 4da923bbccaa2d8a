import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import type { Config } from '../config.ts'
import { AppError } from '../lib/app-error.ts'
import { migrations } from './migrations/index.ts'
import { postgresDialect } from './postgres.ts'
import { type AnyTables, tablesOf } from './snapshot.ts'
import { sqliteDialect } from './sqlite.ts'

export interface TableRows {
  name: string
  columns: readonly string[]
  rows: readonly unknown[][]
}

/** Throws AppError `not_empty` unless the database has no tables at all. */
export async function expectEmptyDatabase(config: Pick<Config, 'data' | 'database'>): Promise<void> {
  if (config.database === 'sqlite' && !existsSync(join(config.data, 'nabla.db'))) return
  const db = open(config)
  try {
    const tables = await db.introspection.getTables({ withInternalKyselyTables: true }).catch((error: unknown) => {
      throw new AppError('database_unavailable', { reason: error instanceof Error ? error.message : String(error) })
    })
    if (tables.length > 0) throw new AppError('not_empty', { place: 'the database' })
  } finally {
    await db.destroy()
  }
}

/**
 * Fills an empty database: with the schema as these migrations made it, then, in one transaction, with the rows.
 * The next start of a server brings the schema up to date. Throws AppError `database_newer`.
 */
export async function fillDatabase(
  config: Pick<Config, 'data' | 'database'>,
  done: readonly string[],
  tables: AsyncIterable<TableRows>,
): Promise<void> {
  const unknown = done.filter((name) => !Object.hasOwn(migrations, name))
  const last = done.at(-1)
  if (unknown.length > 0 || last === undefined) throw new AppError('database_newer', { migration: unknown.join(', ') })
  const db = open(config)
  try {
    const { error } = await new Migrator({ db, provider: { getMigrations: async () => migrations } }).migrateTo(last)
    if (error) throw error
    const known = new Map((await tablesOf(db)).map(({ name, columns }) => [name, columns]))
    await db.transaction().execute(async (trx) => {
      for await (const { name, columns, rows } of tables) {
        const missing = columns.find((column) => known.get(name)?.includes(column) !== true)
        if (missing !== undefined) throw new AppError('backup_unusable', { reason: `${name}.${missing} is unknown` })
        const names = sql.join(columns.map((column) => sql.ref(column)))
        const values = sql.join(rows.map((row) => sql`(${sql.join(row)})`))
        await sql`insert into ${sql.table(name)} (${names}) values ${values}`.execute(trx)
      }
    })
  } finally {
    await db.destroy()
  }
}

/** Rows for one insert: keeps the number of parameters far below what SQLite allows. */
export const rowsPerInsert = 100

function open(config: Pick<Config, 'data' | 'database'>): Kysely<AnyTables> {
  const isSqlite = config.database === 'sqlite'
  return new Kysely<AnyTables>({
    dialect: isSqlite ? sqliteDialect(join(config.data, 'nabla.db')) : postgresDialect(config.database),
  })
}
