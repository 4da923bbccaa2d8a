import { type NotebookSpec, notebookSpec } from '@nabla/api/notebook'
import type { Transaction } from 'kysely'
import type { NotebookRow } from '../../db/notebook-tables.ts'
import type { Tables } from '../../db/tables.ts'
import type { NewTask } from '../../tasks/task.ts'
import type { PlannedKind, Remains } from '../planned.ts'
import { plannedRows, purgeableOwners } from '../planned-rows.ts'
import { type NotebookChanges, planNotebook } from './plan.ts'
import { insertVersion } from './version-rows.ts'

/** The task request is made when a session is asked for, so that it is what was checked then. */
export interface StoredNotebook {
  spec: NotebookSpec
  /** Null: it was never started. */
  task: Omit<NewTask, 'attempt' | 'ownerId' | 'teamId'> | null
}

/** Parses the `spec` column. */
export function readNotebook(row: Pick<NotebookRow, 'spec'>): StoredNotebook {
  const stored = JSON.parse(row.spec) as StoredNotebook
  return { spec: notebookSpec.parse(stored.spec), task: stored.task }
}

const rows = plannedRows('notebooks')

interface LoadedNotebook extends NotebookRow {
  isSaving: boolean
}

/** How the control loop handles notebooks. */
export const notebookKind: PlannedKind<LoadedNotebook, NotebookChanges> = {
  ...rows,
  prefix: 'n',
  ownsTasks: true,

  async load(trx, ids) {
    const found = await trx.selectFrom('notebooks').selectAll().where('id', 'in', ids).execute()
    const saving = await savingOf(trx, ids)
    return found.map((row) => ({ ...row, isSaving: saving.has(row.id) }))
  },

  plan(row, tasks, now) {
    const { spec, task } = readNotebook(row)
    const { id: ownerId, teamId, session: attempt, isSaving } = row
    return planNotebook({ row, spec, isSaving, task: task && { ...task, ownerId, teamId, attempt } }, tasks, now)
  },

  async update(trx, row, changes) {
    const isWritten = await rows.update(trx, row, changes)
    if (isWritten && changes.endedAt) await insertVersion(trx, { ...row, ...changes, endedAt: changes.endedAt })
    return isWritten
  },

  purgeable,
  forget,
}

/** Those of which a version is still being saved. */
async function savingOf(trx: Transaction<Tables>, ids: readonly string[]): Promise<Set<string>> {
  const rows = await trx
    .selectFrom('notebookVersions')
    .select('notebookId')
    .where('notebookId', 'in', ids)
    .where('state', '=', 'saving')
    .execute()
  return new Set(rows.map(({ notebookId }) => notebookId))
}

async function purgeable(trx: Transaction<Tables>): Promise<Remains[]> {
  const ids = await purgeableOwners(trx, 'notebooks')
  if (ids.length === 0) return []
  const found = await trx
    .selectFrom('notebooks')
    .select(['id', 'filesId', 'environmentId'])
    .where('id', 'in', ids)
    .execute()
  return found.map(({ id, filesId, environmentId }) => ({ id, volumes: [filesId, environmentId] }))
}

async function forget(trx: Transaction<Tables>, remains: readonly Remains[]): Promise<void> {
  const ids = remains.map(({ id }) => id)
  await trx.deleteFrom('tasks').where('ownerId', 'in', ids).execute()
  await trx.deleteFrom('tags').where('subjectId', 'in', ids).execute()
  const versions = trx.selectFrom('notebookVersions').select('volumeId').where('notebookId', 'in', ids)
  await trx
    .deleteFrom('volumes')
    .where('id', 'in', versions.where('volumeId', 'is not', null).$castTo<{ volumeId: string }>())
    .execute()
  const volumes = remains.flatMap((one) => one.volumes)
  await trx.deleteFrom('volumes').where('id', 'in', volumes).execute()
  await trx.deleteFrom('notebookVersions').where('notebookId', 'in', ids).execute()
  await trx.deleteFrom('notebooks').where('id', 'in', ids).execute()
}
