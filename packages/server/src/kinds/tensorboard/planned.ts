import type { TensorboardRow } from '../../db/tensorboard-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { toIso } from '../../lib/clock.ts'
import type { PlannedKind, Remains } from '../planned.ts'
import { planTensorboard, type TensorboardChanges } from './plan.ts'
import { foldersOf, keyOf, type LogFolder, taskOf } from './task.ts'

/** One with the folders that a task of it would show. */
interface LoadedTensorboard extends TensorboardRow {
  folders: LogFolder[]
}

/** How the control loop handles TensorBoards. */
export const tensorboardKind: PlannedKind<LoadedTensorboard, TensorboardChanges> = {
  prefix: 'tb',
  ownsTasks: true,

  async load(trx, ids) {
    const rows = await trx.selectFrom('tensorboards').selectAll().where('id', 'in', ids).execute()
    const loaded: LoadedTensorboard[] = []
    for (const row of rows) loaded.push({ ...row, folders: row.endedAt === null ? await foldersOf(trx, row) : [] })
    return loaded
  },

  async open(trx) {
    const rows = await trx.selectFrom('tensorboards').select('id').where('endedAt', 'is', null).execute()
    return rows.map(({ id }) => id)
  },

  async due(trx, nowIso) {
    const rows = await trx.selectFrom('tensorboards').select('id').where('wakeAt', '<=', nowIso).execute()
    return rows.map(({ id }) => id)
  },

  async nextDue(trx) {
    const rows = trx.selectFrom('tensorboards').select('wakeAt').where('wakeAt', 'is not', null)
    return (await rows.orderBy('wakeAt').limit(1).executeTakeFirst())?.wakeAt ?? null
  },

  plan(row, tasks, now) {
    const { folders, ...own } = row
    return planTensorboard({ row: own, taskFor: (attempt) => taskOf({ ...own, attempt }, folders) }, tasks, now)
  },

  startEnv: ({ box }, task) => ({ NABLA_TENSORBOARD_KEY: keyOf(box, task.ownerId) }),

  async update(trx, row, changes) {
    const result = await trx
      .updateTable('tensorboards')
      .set({ ...changes, version: row.version + 1 })
      .where('id', '=', row.id)
      .where('version', '=', row.version)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  },

  purgeable,
  forget,
}

/** Marks the TensorBoards of a project deleted. Answers with their ids, to be woken. */
export async function deleteTensorboardsOf(trx: Trx, projectId: string, now: number): Promise<string[]> {
  const rows = await trx
    .updateTable('tensorboards')
    .set(({ eb }) => ({ deletedAt: toIso(now), version: eb('version', '+', 1) }))
    .where('projectId', '=', projectId)
    .where('deletedAt', 'is', null)
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}

/** Forgotten at a time: keeps the transaction short. */
const purgeBatch = 200

async function purgeable(trx: Trx): Promise<Remains[]> {
  const rows = await trx
    .selectFrom('tensorboards')
    .select('id')
    .where('deletedAt', 'is not', null)
    .where('endedAt', 'is not', null)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('tasks')
            .select('tasks.id')
            .whereRef('tasks.ownerId', '=', 'tensorboards.id')
            .where('tasks.removedAt', 'is', null),
        ),
      ),
    )
    .limit(purgeBatch)
    .execute()
  return rows.map(({ id }) => ({ id, volumes: [] }))
}

async function forget(trx: Trx, remains: readonly Remains[]): Promise<void> {
  const ids = remains.map(({ id }) => id)
  await trx.deleteFrom('tasks').where('ownerId', 'in', ids).execute()
  await trx.deleteFrom('tensorboards').where('id', 'in', ids).execute()
}
