import { chmodSync, closeSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { limits } from '../lib/limits.ts'
import { assertNoTransaction } from './transaction.ts'

/**
 * A dialect for Kysely over Node's own SQLite. One connection, lent to one query or one transaction at a time; the
 * others wait their turn. What is committed has reached the disk (`synchronous=FULL`).
 * `path` is the database file, made readable by its owner only. With `readOnly` it must be there, and a transaction sees
 * it as it was at its first query, without keeping others from writing.
 */
export function sqliteDialect(path: string, options: { readOnly?: boolean } = {}): Dialect {
  return {
    createAdapter: () => new SharedAdapter(),
    createDriver: () => sqliteDriver(path, options.readOnly ?? false),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

/** What SQLite gives a new database. */
const sqlitePageBytes = 4096

class SharedAdapter extends SqliteAdapter {
  /** Whoever comes second waits here, and not in Kysely, which would let a transaction wait for itself. */
  override get supportsMultipleConnections(): boolean {
    return true
  }

  /** SQLite can undo changes to the schema, which Kysely does not assume: a failed migration leaves no trace. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

function sqliteDriver(path: string, readOnly: boolean): Driver {
  const turn = new Turn()
  let connection: SqliteConnection | undefined
  const run = (sql: string) => connection?.executeQuery(CompiledQuery.raw(sql))
  return {
    async init() {
      connection ??= new SqliteConnection(readOnly ? openForReading(path) : openFile(path))
    },
    async acquireConnection() {
      assertNoTransaction()
      await turn.take()
      if (connection) return connection
      turn.pass()
      throw new Error('the database is closed')
    },
    async releaseConnection() {
      turn.pass()
    },
    // Immediate: a transaction that reads first and writes later cannot find the lock taken half-way.
    async beginTransaction() {
      await run(readOnly ? 'begin' : 'begin immediate')
    },
    async commitTransaction() {
      await run('commit')
    },
    async rollbackTransaction() {
      // SQLite ends the transaction by itself on some errors, a full disk among them.
      if (connection?.inTransaction) await run('rollback')
    },
    async destroy() {
      await turn.take()
      connection?.close()
      connection = undefined
      turn.pass()
    },
  }
}

/** Goes to one at a time, in the order in which they asked. */
class Turn {
  readonly #waiting: (() => void)[] = []
  #taken = false

  async take(): Promise<void> {
    if (this.#taken) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#taken = true
  }

  pass(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#taken = false
  }
}

function openFile(path: string): DatabaseSync {
  // SQLite gives its two side files the mode of this one.
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
  const database = new DatabaseSync(path, { timeout: limits.databaseLockMs, enableForeignKeyConstraints: true })
  database.exec('pragma journal_mode = wal')
  database.exec('pragma synchronous = full')
  // Rows of chunks come in no order: what SQLite does by itself, after 4 MB, writes the same pages again and again.
  database.exec(`pragma wal_autocheckpoint = ${limits.sqliteJournalBytes / sqlitePageBytes}`)
  database.exec(`pragma journal_size_limit = ${limits.sqliteJournalBytes}`)
  database.exec(`pragma cache_size = -${limits.sqliteCacheBytes / 1024}`)
  return database
}

function openForReading(path: string): DatabaseSync {
  return new DatabaseSync(path, { timeout: limits.databaseLockMs, readOnly: true })
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync
  /** By SQL text, the one used longest ago first. Preparing costs more than most of our queries. */
  readonly #statements = new Map<string, { statement: StatementSync; hasRows: boolean }>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { statement, hasRows } = this.#prepare(query.sql)
    const parameters = query.parameters as readonly SQLInputValue[]
    if (hasRows) return { rows: statement.all(...parameters) as R[] }
    const { changes, lastInsertRowid } = statement.run(...parameters)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }

  async *streamQuery<R>(query: CompiledQuery, chunkRows: number): AsyncIterableIterator<QueryResult<R>> {
    // Not one of the kept statements: running the same text again meanwhile would end the iteration.
    const statement = this.#database.prepare(query.sql)
    let rows: R[] = []
    for (const row of statement.iterate(...(query.parameters as readonly SQLInputValue[]))) {
      rows.push(row as R)
      if (rows.length < chunkRows) continue
      yield { rows }
      rows = []
    }
    if (rows.length > 0) yield { rows }
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  #prepare(sql: string): { statement: StatementSync; hasRows: boolean } {
    let prepared = this.#statements.get(sql)
    if (prepared) {
      this.#statements.delete(sql)
    } else {
      const statement = this.#database.prepare(sql)
      prepared = { statement, hasRows: statement.columns().length > 0 }
      const [oldest] = this.#statements.keys()
      if (this.#statements.size >= limits.sqliteStatements && oldest !== undefined) this.#statements.delete(oldest)
    }
    this.#statements.set(sql, prepared)
    return prepared
  }
}
