import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import { inTransaction, type Trx } from '../db/transaction.ts'
import type { EventFeed } from './feed.ts'

/** Makes a change that records events: runs `run` in a transaction, and wakes those who follow the feed after it. */
export async function change<T>(
  deps: { db: Kysely<Tables>; feed: EventFeed },
  run: (trx: Trx) => Promise<T>,
): Promise<T> {
  const result = await inTransaction(deps.db, run)
  deps.feed.notify()
  return result
}
