import type { DatasetVersionRow } from '../../db/tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { holdTree } from '../../trees/tree-rows.ts'
import type { Preparation } from '../preparer.ts'
import { moveTags } from './move-tags.ts'
import { type Prepared, prepareVersion, type SoFar } from './prepare.ts'

/** Fetches or takes in the files of versions. */
export function datasetPreparation(deps: Deps): Preparation<DatasetVersionRow> {
  return {
    what: 'a version of a dataset',
    waiting: () =>
      deps.db
        .selectFrom('datasetVersions')
        .selectAll()
        .where('state', '=', 'preparing')
        .orderBy('createdAt')
        .orderBy('id')
        .limit(limits.planBatch)
        .execute(),
    prepare: (row, signal) => prepare(deps, row, signal),
    giveUp: (row, reason) => giveUp(deps, row, reason),
  }
}

async function prepare(deps: Deps, row: DatasetVersionRow, signal: AbortSignal): Promise<void> {
  const progress = noteProgress(deps, row)
  let prepared: Prepared
  try {
    prepared = await prepareVersion(deps, row, signal, progress.tell)
  } finally {
    await progress.stop()
  }
  await finish(deps, row, prepared)
}

/** Writes down now and then how far it is. */
function noteProgress(deps: Deps, row: DatasetVersionRow): { tell: (soFar: SoFar) => void; stop(): Promise<void> } {
  const { clock, log } = deps
  let notedAt = clock.steady()
  let noting: Promise<unknown> = Promise.resolve()
  return {
    tell: ({ files, sizeBytes }) => {
      if (clock.steady() - notedAt < limits.prepareNoteMs) return
      notedAt = clock.steady()
      noting = noting
        .then(() => note(deps, row, { files, sizeBytes }))
        .catch((error: unknown) => log.warn({ err: error, subject: row.id }, 'progress could not be noted'))
    },
    stop: async () => void (await noting),
  }
}

async function note(deps: Deps, row: DatasetVersionRow, soFar: SoFar): Promise<void> {
  await change(deps, async (trx) => {
    const { numUpdatedRows } = await stillPreparing(trx, row).set(soFar).executeTakeFirst()
    if (numUpdatedRows === 0n) return
    await record(trx, deps, row, 'dataset.version_progress', { ...soFar })
  })
}

async function finish(deps: Deps, row: DatasetVersionRow, { tree, leftOut }: Prepared): Promise<void> {
  const now = deps.clock.now()
  const { digest, files, sizeBytes } = tree
  const jobs = await change(deps, async (trx) => {
    const ended = { ...settled(toIso(now)), state: 'ready', reason: leftOut, digest, files, sizeBytes }
    const { numUpdatedRows } = await stillPreparing(trx, row).set(ended).executeTakeFirst()
    if (numUpdatedRows === 0n) return []
    if (!(await holdTree(trx, row.teamId, digest, now))) throw new AppError('busy', { detail: 'its tree is gone' })
    await trx
      .updateTable('volumes')
      .set({ digest, treeDigest: digest, files, sizeBytes })
      .where('id', '=', row.volumeId)
      .execute()
    await moveTags(trx, row, JSON.parse(row.wantedTags) as string[])
    await trx.updateTable('jobDatasets').set({ digest }).where('versionId', '=', row.id).execute()
    await record(trx, deps, row, 'dataset.version_ready', { digest, files, sizeBytes })
    return jobsOf(trx, row)
  })
  for (const id of jobs) deps.loop.wake(id)
}

async function giveUp(deps: Deps, row: DatasetVersionRow, reason: string): Promise<void> {
  const jobs = await change(deps, async (trx) => {
    const ended = { ...settled(toIso(deps.clock.now())), state: 'failed', reason }
    const { numUpdatedRows } = await stillPreparing(trx, row).set(ended).executeTakeFirst()
    if (numUpdatedRows === 0n) return []
    await record(trx, deps, row, 'dataset.version_failed', { reason })
    return jobsOf(trx, row)
  })
  for (const id of jobs) deps.loop.wake(id)
}

/** What is not needed any more once a version is ready, or has failed: passwords first of all. */
const settled = (endedAt: string) => ({ sealedSource: null, sourceVolumeId: null, wantedTags: '[]', endedAt })

/** Whoever comes second changes nothing. */
function stillPreparing(trx: Trx, row: DatasetVersionRow) {
  return trx.updateTable('datasetVersions').where('id', '=', row.id).where('state', '=', 'preparing')
}

async function record(
  trx: Trx,
  { clock }: Deps,
  row: DatasetVersionRow,
  type: string,
  data: Record<string, unknown>,
): Promise<void> {
  const { teamId, datasetId: subject, version, id: versionId } = row
  const named = await trx.selectFrom('datasets').select('name').where('id', '=', subject).executeTakeFirst()
  await recordEvents(trx, clock.now(), [{ teamId, subject, type, data: { ...named, version, versionId, ...data } }])
}

async function jobsOf(trx: Trx, { id }: DatasetVersionRow): Promise<string[]> {
  const rows = await trx.selectFrom('jobDatasets').select('jobId').where('versionId', '=', id).execute()
  return rows.map(({ jobId }) => jobId)
}
