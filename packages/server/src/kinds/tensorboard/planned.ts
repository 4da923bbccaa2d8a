import type { TensorboardRow } from '../../db/tensorboard-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { toIso } from '../../lib/clock.ts'
import type { PlannedKind, Remains } from '../planned.ts'
import { plannedRows, purgeableOwners } from '../planned-rows.ts'
import { planTensorboard, type TensorboardChanges } from './plan.ts'
import { foldersOf, keyOf, type LogFolder, taskOf } from './task.ts'

/** One with the folders that a task of it would show. */
interface LoadedTensorboard extends TensorboardRow {
  folders: LogFolder[]
}

/** How the control loop handles TensorBoards. */
export const tensorboardKind: PlannedKind<LoadedTensorboard, TensorboardChanges> = {
  ...plannedRows('tensorboards'),
  prefix: 'tb',
  ownsTasks: true,

  async load(trx, ids) {
    const rows = await trx.selectFrom('tensorboards').selectAll().where('id', 'in', ids).execute()
    const loaded: LoadedTensorboard[] = []
    for (const row of rows) loaded.push({ ...row, folders: row.endedAt === null ? await foldersOf(trx, row) : [] })
    return loaded
  },

  plan(row, tasks, now) {
    const { folders, ...own } = row
    return planTensorboard({ row: own, taskFor: (attempt) => taskOf({ ...own, attempt }, folders) }, tasks, now)
  },

  startWith: ({ box }, task) => ({ env: { NABLA_TENSORBOARD_KEY: keyOf(box, task.ownerId) } }),

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

async function purgeable(trx: Trx): Promise<Remains[]> {
  return (await purgeableOwners(trx, 'tensorboards')).map((id) => ({ id, volumes: [] }))
}

async function forget(trx: Trx, remains: readonly Remains[]): Promise<void> {
  const ids = remains.map(({ id }) => id)
  await trx.deleteFrom('tasks').where('ownerId', 'in', ids).execute()
  await trx.deleteFrom('tensorboards').where('id', 'in', ids).execute()
}
