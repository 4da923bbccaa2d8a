import { notebookLimits } from '@nabla/api/notebook'
import type { NotebookVersionRow } from '../../db/notebook-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { limits } from '../../lib/limits.ts'
import { holdTree } from '../../trees/tree-rows.ts'
import type { Preparation } from '../preparer.ts'
import { readInstalled, toRequirements } from './installed.ts'
import { insertVolume } from './make.ts'

/** A version that is to be saved, under the id of its notebook: those of one are saved one after the other. */
type Waiting = NotebookVersionRow & { id: string }

/** Saves the files of sessions that have ended. */
export function versionPreparation(deps: Deps): Preparation<Waiting> {
  return {
    what: 'a version of a notebook',
    waiting: () => waiting(deps),
    prepare: (row, signal) => save(deps, row, signal),
    giveUp: (row, reason) =>
      change(deps, async (trx) => {
        const { numUpdatedRows } = await stillSaving(trx, row).set({ state: 'failed', reason }).executeTakeFirst()
        if (numUpdatedRows > 0n) await record(trx, deps, row, 'notebook.version_failed', { reason })
      }),
  }
}

async function waiting({ db }: Deps): Promise<Waiting[]> {
  const rows = await db
    .selectFrom('notebookVersions')
    .selectAll()
    .where('state', '=', 'saving')
    .orderBy('endedAt')
    .orderBy('number')
    .limit(limits.planBatch)
    .execute()
  const first = new Map(rows.toReversed().map((row) => [row.notebookId, { ...row, id: row.notebookId }]))
  return [...first.values()].toReversed()
}

async function save(deps: Deps, row: Waiting, signal: AbortSignal): Promise<void> {
  const { trees, volumes, db } = deps
  const notebook = await db
    .selectFrom('notebooks')
    .select(['filesId', 'environmentId'])
    .where('id', '=', row.notebookId)
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
  if (!notebook) throw new AppError('not_found', { noun: 'notebook', id: row.notebookId })
  const { items } = await readInstalled(volumes.volumeDir(notebook.environmentId))
  const packages = JSON.stringify(toRequirements(items))
  await volumes.createVolume(notebook.filesId)
  const { tree, leftOut, leftOutCount } = await trees.ingest(row.teamId, volumes.volumeDir(notebook.filesId), signal)
  const [first] = leftOut
  const reason = first ? `Left out: ${first.path} (${first.reason})${andMore(leftOutCount - 1)}.` : null
  const now = deps.clock.now()
  await change(deps, async (trx) => {
    if (!(await holdTree(trx, row.teamId, tree.digest, now))) throw new AppError('busy', { detail: 'its tree is gone' })
    const { digest, files, sizeBytes } = tree
    const saved = { state: 'ready', reason, digest, files, sizeBytes, packages }
    const { numUpdatedRows } = await stillSaving(trx, row).set(saved).executeTakeFirst()
    if (numUpdatedRows === 0n) return
    const name = `${row.notebookId}-${row.number}`
    const volumeId = await insertVolume(trx, row.teamId, 'notebook-version', name, now, tree)
    await thisVersion(trx, row).set({ volumeId }).execute()
    await trx.updateTable('notebooks').set({ installed: packages }).where('id', '=', row.notebookId).execute()
    await deleteOldest(trx, row)
    await record(trx, deps, row, 'notebook.version_saved', { files, sizeBytes })
  })
}

const andMore = (count: number): string => (count > 0 ? `, and ${count} more` : '')

function thisVersion(trx: Trx, { notebookId, number }: NotebookVersionRow) {
  return trx.updateTable('notebookVersions').where('notebookId', '=', notebookId).where('number', '=', number)
}

/** Whoever comes second changes nothing. */
const stillSaving = (trx: Trx, row: NotebookVersionRow) => thisVersion(trx, row).where('state', '=', 'saving')

/** Keeps a bounded number of versions. */
async function deleteOldest(trx: Trx, { notebookId, number }: NotebookVersionRow): Promise<void> {
  const last = number - notebookLimits.versions
  const old = await trx
    .selectFrom('notebookVersions')
    .select('volumeId')
    .where('notebookId', '=', notebookId)
    .where('number', '<=', last)
    .execute()
  if (old.length === 0) return
  const ids = old.flatMap(({ volumeId }) => volumeId ?? [])
  if (ids.length > 0) await trx.deleteFrom('volumes').where('id', 'in', ids).execute()
  await trx.deleteFrom('notebookVersions').where('notebookId', '=', notebookId).where('number', '<=', last).execute()
}

async function record(
  trx: Trx,
  { clock }: Deps,
  row: NotebookVersionRow,
  type: string,
  data: Record<string, unknown>,
): Promise<void> {
  const { teamId, notebookId: subject, number: version } = row
  const found = await trx
    .selectFrom('notebooks')
    .select(['name', 'projectId'])
    .where('id', '=', subject)
    .executeTakeFirst()
  if (!found) return
  const { name, projectId } = found
  await recordEvents(trx, clock.now(), [{ teamId, projectId, subject, type, data: { name, version, ...data } }])
}
