import type { Interpretation } from '@nabla/api/model-format'
import type { Tree } from '@nabla/api/tree'
import type { ModelVersionRow } from '../../db/model-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { holdTree } from '../../trees/tree-rows.ts'
import type { Preparation } from '../preparer.ts'
import { moveAliases } from './aliases.ts'
import { interpretTree } from './interpret.ts'
import { mergeMetrics, metricsOfJob } from './measured.ts'

/** Takes in the files of versions and reads what they are. */
export function modelPreparation(deps: Deps): Preparation<ModelVersionRow> {
  return {
    what: 'a version of a model',
    waiting: () =>
      deps.db
        .selectFrom('modelVersions')
        .selectAll()
        .where('state', '=', 'preparing')
        .orderBy('createdAt')
        .orderBy('id')
        .limit(limits.planBatch)
        .execute(),
    prepare: async (row, signal) => finish(deps, row, await make(deps, row, signal)),
    giveUp: (row, reason) => giveUp(deps, row, reason),
  }
}

interface Made {
  tree: Tree
  interpretation: Interpretation
}

async function make(deps: Deps, row: ModelVersionRow, signal: AbortSignal): Promise<Made> {
  const tree = row.sourceDigest === null ? await takeIn(deps, row, signal) : await sent(deps, row)
  if (tree.files === 0) throw new AppError('invalid', { detail: 'A model has at least one file, and there is none.' })
  const files = await deps.trees.open(row.teamId, tree.digest)
  return { tree, interpretation: await interpretTree(files, deps.clock, signal) }
}

async function sent({ clock, db }: Deps, { teamId, sourceDigest }: ModelVersionRow): Promise<Tree> {
  const tree = await holdTree(db, teamId, sourceDigest ?? '', clock.now())
  if (!tree) throw new AppError('not_found', { noun: 'tree', id: sourceDigest ?? '' })
  return tree
}

async function takeIn({ db, trees, volumes }: Deps, row: ModelVersionRow, signal: AbortSignal): Promise<Tree> {
  const volume = await db
    .selectFrom('volumes')
    .select(['id', 'treeDigest', 'digest', 'files', 'sizeBytes'])
    .where('id', '=', row.sourceVolumeId ?? '')
    .where('teamId', '=', row.teamId)
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
  if (!volume) throw new AppError('file_not_found', { path: row.source })
  const path = row.sourcePath ?? ''
  const { tree, leftOut, leftOutCount } = await trees.ingest(
    row.teamId,
    volumes.volumeDir(volume.id),
    signal,
    path === '' ? {} : { path },
  )
  const [first] = leftOut
  if (leftOutCount > 0) throw new AppError('bad_path', { path: first?.path ?? '', reason: first?.reason ?? '' })
  return tree
}

async function finish(deps: Deps, row: ModelVersionRow, { tree, interpretation }: Made): Promise<void> {
  const now = deps.clock.now()
  const { digest, files, sizeBytes } = tree
  const { format, parameters, verdict } = interpretation
  const metrics = row.metrics === '[]' ? JSON.stringify(await measured(deps, row, interpretation)) : row.metrics
  await change(deps, async (trx) => {
    const { numUpdatedRows } = await stillPreparing(trx, row)
      .set({ state: 'ready', digest, files, sizeBytes, format, parameters, verdict, metrics })
      .set({ interpretation: JSON.stringify(interpretation), wantedAliases: '[]', endedAt: toIso(now) })
      .executeTakeFirst()
    if (numUpdatedRows === 0n) return
    if (!(await holdTree(trx, row.teamId, digest, now))) throw new AppError('busy', { detail: 'its tree is gone' })
    await trx
      .updateTable('volumes')
      .set({ digest, treeDigest: digest, files, sizeBytes })
      .where('id', '=', row.volumeId)
      .execute()
    await moveAliases(trx, row, JSON.parse(row.wantedAliases) as string[])
    await record(trx, now, row, 'model.version_ready', { digest, files, sizeBytes, format, verdict })
  })
}

/** Of the job that made it, and what its own files say of themselves, which goes before that. */
async function measured(deps: Deps, { jobId }: ModelVersionRow, { metrics }: Interpretation) {
  return mergeMetrics([jobId === null ? [] : await metricsOfJob(deps, jobId), metrics])
}

async function giveUp(deps: Deps, row: ModelVersionRow, reason: string): Promise<void> {
  const now = deps.clock.now()
  await change(deps, async (trx) => {
    const { numUpdatedRows } = await stillPreparing(trx, row)
      .set({ state: 'failed', reason, wantedAliases: '[]', endedAt: toIso(now) })
      .executeTakeFirst()
    if (numUpdatedRows === 0n) return
    await record(trx, now, row, 'model.version_failed', { reason })
  })
}

/** Whoever comes second changes nothing. */
function stillPreparing(trx: Trx, { id }: ModelVersionRow) {
  return trx.updateTable('modelVersions').where('id', '=', id).where('state', '=', 'preparing')
}

async function record(trx: Trx, now: number, row: ModelVersionRow, type: string, data: Record<string, unknown>) {
  const { teamId, modelId: subject, version, id: versionId } = row
  const model = await trx
    .selectFrom('models')
    .select(['name', 'projectId'])
    .where('id', '=', subject)
    .executeTakeFirst()
  const named = { name: model?.name, version, versionId, ...data }
  await recordEvents(trx, now, [{ teamId, subject, projectId: model?.projectId ?? null, type, data: named }])
}
