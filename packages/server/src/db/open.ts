import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { CamelCasePlugin, Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import type { Config } from '../config.ts'
import { AppError } from '../lib/app-error.ts'
import { isDiskFull } from './errors.ts'
import { migrations } from './migrations/index.ts'
import { postgresDialect } from './postgres.ts'
import { sqliteDialect } from './sqlite.ts'
import type { Tables } from './tables.ts'

export interface OpenDatabase {
  db: Kysely<Tables>
  /** Waits for running queries, then closes. */
  close(): Promise<void>
}

/**
 * Opens the database that the settings name and brings its schema up to date. Throws AppError `database_unavailable`
 * when it cannot be reached or read, `database_damaged` when its file is, and `database_newer` when a later version of
 * the program has changed it, and `data_unusable` when the disk has no room for it.
 */
export async function openDatabase(config: Pick<Config, 'data' | 'database'>): Promise<OpenDatabase> {
  const db = new Kysely<Tables>({ dialect: dialectOf(config), plugins: [new CamelCasePlugin()] })
  try {
    await connect(db)
    await migrate(db)
  } catch (error) {
    await db.destroy()
    if (isDiskFull(error)) throw withoutRoom(config)
    if (isDamaged(error)) {
      throw new AppError('database_damaged', { path: join(config.data, 'nabla.db'), reason: error.message })
    }
    throw error
  }
  return { db, close: () => db.destroy() }
}

function dialectOf(config: Pick<Config, 'data' | 'database'>) {
  if (config.database !== 'sqlite') return postgresDialect(config.database)
  mkdirSync(config.data, { recursive: true, mode: 0o700 })
  return sqliteDialect(join(config.data, 'nabla.db'))
}

function withoutRoom({ data, database }: Pick<Config, 'data' | 'database'>): AppError {
  const reason = 'the disk is full'
  return database === 'sqlite'
    ? new AppError('data_unusable', { path: data, reason })
    : new AppError('database_unavailable', { reason })
}

// https://www.sqlite.org/rescode.html: SQLITE_CORRUPT and SQLITE_NOTADB
const damage = new Set([11, 26])

function isDamaged(error: unknown): error is Error {
  return error instanceof Error && 'errcode' in error && damage.has(Number(error.errcode) & 0xff)
}

async function connect(db: Kysely<Tables>): Promise<void> {
  try {
    await sql`select 1`.execute(db)
  } catch (error) {
    if (isDamaged(error) || isDiskFull(error)) throw error
    throw new AppError('database_unavailable', { reason: error instanceof Error ? error.message : String(error) })
  }
}

async function migrate(db: Kysely<Tables>): Promise<void> {
  // Without the plugin: migrations name tables and columns as they are in SQL.
  const plain = db.withoutPlugins()
  const migrator = new Migrator({ db: plain, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (!error) return
  // There may be no table yet to look into.
  if (isDiskFull(error)) throw error
  const done = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(plain)
  const unknown = done.rows.map(({ name }) => name).filter((name) => !Object.hasOwn(migrations, name))
  if (unknown.length > 0) throw new AppError('database_newer', { migration: unknown.join(', ') })
  throw error
}
