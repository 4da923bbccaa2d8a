import type { Trx } from '../db/transaction.ts'
import type { PlannedKind, PlannedRow } from './planned.ts'

/** Tables whose rows the loop looks after. */
export type PlannedTable =
  | 'jobs'
  | 'experiments'
  | 'notebooks'
  | 'deployments'
  | 'deploymentInstances'
  | 'tensorboards'
  | 'workflowRuns'

type Queries = Pick<PlannedKind<PlannedRow, object>, 'open' | 'due' | 'nextDue' | 'update'>

/** The queries that are the same for every such table, whatever else its rows have. */
export function plannedRows(table: PlannedTable): Queries {
  return {
    async open(trx) {
      const rows = await trx.selectFrom(table).select('id').where('endedAt', 'is', null).execute()
      return rows.map(({ id }) => id)
    },

    async due(trx, nowIso) {
      const rows = await trx.selectFrom(table).select('id').where('wakeAt', '<=', nowIso).execute()
      return rows.map(({ id }) => id)
    },

    async nextDue(trx) {
      const rows = trx.selectFrom(table).select('wakeAt').where('wakeAt', 'is not', null)
      return (await rows.orderBy('wakeAt').limit(1).executeTakeFirst())?.wakeAt ?? null
    },

    async update(trx, { id, version }, changes) {
      const result = await trx
        .updateTable(table)
        .set({ ...changes, version: version + 1 })
        .where('id', '=', id)
        .where('version', '=', version)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },
  }
}

/** Rows deleted at a time: keeps the transaction short. */
const purgeBatch = 200

/** Deleted rows that own tasks, once an engine has none of them any more: a bounded number. */
export async function purgeableOwners(trx: Trx, table: 'jobs' | 'notebooks' | 'tensorboards'): Promise<string[]> {
  const rows = await trx
    .selectFrom(table)
    .select('id')
    .where('deletedAt', 'is not', null)
    .where('endedAt', 'is not', null)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('tasks')
            .select('tasks.id')
            .whereRef('tasks.ownerId', '=', `${table}.id`)
            .where('tasks.removedAt', 'is', null),
        ),
      ),
    )
    .limit(purgeBatch)
    .execute()
  return rows.map(({ id }) => id)
}
