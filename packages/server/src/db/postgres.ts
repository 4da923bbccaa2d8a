import {
  type AbortableOperationOptions,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresDialect,
  type PostgresDialectConfig,
  PostgresDriver,
} from 'kysely'
import { Pool, types } from 'pg'
import { limits } from '../lib/limits.ts'
import { assertNoTransaction } from './transaction.ts'

/** A dialect for Kysely over a pool of connections to the PostgreSQL database at `url`. */
export function postgresDialect(url: string): Dialect {
  const pool = new Pool({
    connectionString: url,
    max: limits.postgresConnections,
    connectionTimeoutMillis: limits.databaseLockMs,
    statement_timeout: limits.postgresStatementMs,
    idle_in_transaction_session_timeout: limits.postgresStatementMs,
    types: { getTypeParser: typeParser },
  })
  // A connection that breaks while nobody uses it: the pool drops it, and the next query opens another.
  pool.on('error', () => undefined)
  return new CheckedDialect({ pool })
}

class CheckedDialect extends PostgresDialect {
  readonly #config: PostgresDialectConfig

  constructor(config: PostgresDialectConfig) {
    super(config)
    this.#config = config
  }

  override createDriver(): Driver {
    return new CheckedDriver(this.#config)
  }
}

class CheckedDriver extends PostgresDriver {
  override async acquireConnection(options?: AbortableOperationOptions): Promise<DatabaseConnection> {
    assertNoTransaction()
    return super.acquireConnection(options)
  }
}

/** Sums and counts arrive as text, since PostgreSQL counts further than a number can; all of ours are far below. */
const typeParser: typeof types.getTypeParser = (type, format) =>
  numberTypes.has(type) ? toNumber : types.getTypeParser(type, format)

const numberTypes = new Set<number>([types.builtins.INT8, types.builtins.NUMERIC])

function toNumber(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new RangeError(`a number of the database is too large: ${text}`)
  }
  return value
}
