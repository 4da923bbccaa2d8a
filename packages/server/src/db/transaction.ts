import type { Kysely, Transaction } from 'kysely'
import { limits } from '../lib/limits.ts'
import { isLostRace } from './errors.ts'
import type { Tables } from './tables.ts'

export type Trx = Transaction<Tables>

/**
 * Runs `run` in one transaction: all of its changes or, if it throws, none. On PostgreSQL it is run again when it
 * lost to another transaction, so `run` must do nothing that cannot be undone, and must not wait for the network.
 * Inside, use `trx` only: on SQLite a query on `db` would wait for the end of this transaction, for ever.
 */
export async function inTransaction<T>(db: Kysely<Tables>, run: (trx: Trx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(run)
    } catch (error) {
      if (!isLostRace(error) || attempt >= limits.transactionAttempts) throw error
    }
  }
}
