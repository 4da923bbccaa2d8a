import { AsyncLocalStorage } from 'node:async_hooks'
import type { Kysely, Transaction } from 'kysely'
import { assert } from '../lib/assert.ts'
import { limits } from '../lib/limits.ts'
import { isLostRace } from './errors.ts'
import type { Tables } from './tables.ts'

export type Trx = Transaction<Tables>

/** The transaction that the running code is inside of, if any. */
const current = new AsyncLocalStorage<{ open: boolean }>()

/**
 * Runs `run` in one transaction: all of its changes or, if it throws, none. On PostgreSQL it is run again when it
 * lost to another transaction, so `run` must do nothing that cannot be undone, and must not wait for the network.
 * Inside, use `trx` only: a query on `db` there is refused, since it would wait for the end of this transaction.
 */
export async function inTransaction<T>(db: Kysely<Tables>, run: (trx: Trx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const state = { open: true }
    try {
      return await db.transaction().execute((trx) => current.run(state, run, trx))
    } catch (error) {
      if (!isLostRace(error) || attempt >= limits.transactionAttempts) throw error
    } finally {
      state.open = false
    }
  }
}

/** For the drivers: states that whoever asks for a connection does not hold one already. */
export function assertNoTransaction(): void {
  assert(!current.getStore()?.open, 'inside a transaction, queries go through it (`trx`) and not through `db`')
}
