import type { RunNameRow } from '../db/run-tables.ts'
import type { Trx } from '../db/transaction.ts'

/** Names in one statement: far below the number of parameters that SQLite allows. */
const namesAtOnce = 2000

/**
 * Keeps names that runs of a project have, for whoever chooses among them: one row for all runs that have one. They are
 * written in their order, so that two servers that write the same ones wait for each other, and not both for ever.
 */
export async function keepNames(trx: Trx, rows: readonly RunNameRow[]): Promise<void> {
  const keyed = new Map(rows.map((row) => [JSON.stringify([row.projectId, row.kind, row.name]), row]))
  const sorted = [...keyed].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, row]) => row)
  for (let from = 0; from < sorted.length; from += namesAtOnce) {
    await trx
      .insertInto('runNames')
      .values(sorted.slice(from, from + namesAtOnce))
      .onConflict((c) => c.columns(['projectId', 'kind', 'name']).doNothing())
      .execute()
  }
}
