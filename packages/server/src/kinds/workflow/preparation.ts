import { filesInput } from '@nabla/api/workflow-check'
import { type WorkflowSpec } from '@nabla/api/workflow-spec'
import type { Tree } from '@nabla/api/tree'
import type { WorkflowOutputRow, WorkflowRunRow } from '../../db/workflow-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { limits } from '../../lib/limits.ts'
import { holdTree } from '../../trees/tree-rows.ts'
import { commitVersion } from '../dataset/commit.ts'
import { findDataset, findReady } from '../dataset/find.ts'
import { ensureModel, insertVersion } from '../model/insert.ts'
import { emptyLineage, lineageOfJob } from '../model/lineage.ts'
import type { Preparation } from '../preparer.ts'
import { treeOf, textOf } from './collect.ts'
import { callerOf } from './create-parts.ts'
import { readInput } from './inputs.ts'
import type { OutputSource } from './outputs.ts'

/** Puts away what jobs of workflows leave, where others find it. */
export function outputPreparation(deps: Deps): Preparation<WorkflowOutputRow> {
  return {
    what: 'an output of a workflow',
    waiting: () =>
      deps.db
        .selectFrom('workflowOutputs')
        .selectAll()
        .where('state', '=', 'preparing')
        .orderBy('createdAt')
        .orderBy('id')
        .limit(limits.planBatch)
        .execute(),
    prepare: (row, signal) => prepare(deps, row, signal),
    giveUp: (row, reason) => finish(deps, row, { state: 'failed', reason }),
  }
}

async function prepare(deps: Deps, row: WorkflowOutputRow, signal: AbortSignal): Promise<void> {
  const run = await deps.db.selectFrom('workflowRuns').selectAll().where('id', '=', row.runId).executeTakeFirst()
  if (!run) return
  const spec = JSON.parse(run.spec) as WorkflowSpec
  const source = JSON.parse(row.source) as OutputSource
  if (source.from === 'input') return keepModel(deps, row, run, await modelOfInput(deps, run, spec, row), signal)
  const output = spec.jobs[row.job]?.outputs?.[row.name]
  switch (output?.type) {
    case 'string': {
      const value = await textOf(deps, row)
      return finish(deps, row, { state: 'ready', value, files: 1, sizeBytes: Buffer.byteLength(value) })
    }
    case 'volume':
      return keepVolume(deps, row, await treeOf(deps, row, run.projectId, signal))
    case 'dataset':
      return keepDataset(deps, row, run, output.with, signal)
    case 'model': {
      const { digest } = await treeOf(deps, row, run.projectId, signal)
      return keepModel(deps, row, run, { ...output.with, digest }, signal)
    }
    case undefined:
      return
    default:
      return output satisfies never
  }
}

async function keepVolume(deps: Deps, row: WorkflowOutputRow, tree: Tree): Promise<void> {
  const now = deps.clock.now()
  const { digest, files, sizeBytes } = tree
  const volumeId = newId('volume')
  await finish(deps, row, { state: 'ready', volumeId, digest, files, sizeBytes }, async (trx) => {
    if (!(await holdTree(trx, row.teamId, digest, now))) throw new AppError('busy', { detail: 'its tree is gone' })
    await trx
      .insertInto('volumes')
      .values({
        id: volumeId,
        teamId: row.teamId,
        purpose: 'workflow',
        ownerId: row.id,
        origin: null,
        digest,
        treeDigest: digest,
        files,
        sizeBytes,
        createdAt: toIso(now),
        deletedAt: null,
      })
      .execute()
  })
}

/** The same files again, after a crash, are the same version. */
async function keepDataset(
  deps: Deps,
  row: WorkflowOutputRow,
  run: WorkflowRunRow,
  to: { ref?: string | undefined; id?: string | undefined; inherit?: boolean | undefined },
  signal: AbortSignal,
): Promise<void> {
  const [reference = '', tag] = (to.ref ?? to.id ?? '').split(':')
  const caller = await callerOf(deps.db, run)
  const own = await treeOf(deps, row, run.projectId, signal)
  const base = to.inherit ? await latestOf(deps, row.teamId, reference) : null
  const { digest } = base === null ? own : await deps.trees.merge(row.teamId, base, own.digest, signal)
  const version = await commitVersion(deps, caller, reference, {
    source: { from: 'tree', digest },
    from: `workflow:${run.name}/${row.job}/${row.name}`,
    message: `Output ${row.name} of ${row.job}, run ${run.name}.`,
    tags: tag === undefined ? [] : [tag],
  })
  const dataset = await deps.db
    .selectFrom('datasetVersions')
    .innerJoin('datasets', 'datasets.id', 'datasetVersions.datasetId')
    .select('datasets.name')
    .where('datasetVersions.id', '=', version.id)
    .executeTakeFirst()
  const { id: versionId, files, sizeBytes } = version
  const name = `${dataset?.name ?? reference}:${version.version}`
  await finish(deps, row, { state: 'ready', versionId, reference: name, digest, files, sizeBytes })
}

async function latestOf(deps: Deps, teamId: string, reference: string): Promise<string | null> {
  try {
    return (await findReady(deps.db, await findDataset(deps.db, teamId, reference), 'latest')).digest
  } catch (error) {
    if (error instanceof AppError && (error.code === 'not_found' || error.code === 'unknown_version')) return null
    throw error
  }
}

interface NewModel {
  name: string
  type?: string | undefined
  notes?: string | undefined
  digest: string
}

async function modelOfInput(
  deps: Deps,
  run: WorkflowRunRow,
  spec: WorkflowSpec,
  row: WorkflowOutputRow,
): Promise<NewModel> {
  const job = spec.jobs[row.job]
  const name = job && filesInput(spec, job)
  const input = name ? job.inputs?.[name] : undefined
  if (job?.uses !== 'create-model@v1' || input === undefined)
    throw new AppError('invalid', { detail: 'It has no input.' })
  const read = await readInput(deps.db, run, input)
  const digest = read.type === 'string' ? null : read.digest
  if (digest === null) throw new AppError('busy', { detail: `its input ${name} is still being prepared` })
  return { ...job.with, digest }
}

/** Makes the version once, and waits until its files have been read: only then can it be used. */
async function keepModel(
  deps: Deps,
  row: WorkflowOutputRow,
  run: WorkflowRunRow,
  model: NewModel,
  signal: AbortSignal,
): Promise<void> {
  const after = await deps.feed.latest()
  const versionId = row.modelVersionId ?? (await insertModel(deps, row, run, model))
  deps.loop.wake(versionId)
  const read = () =>
    deps.db
      .selectFrom('modelVersions')
      .innerJoin('models', 'models.id', 'modelVersions.modelId')
      .select(['modelVersions.state', 'modelVersions.reason', 'modelVersions.version', 'modelVersions.digest'])
      .select(['modelVersions.files', 'modelVersions.sizeBytes', 'models.id', 'models.name'])
      .where('modelVersions.id', '=', versionId)
      .executeTakeFirst()
  let now = await read()
  if (now?.state === 'preparing') {
    for await (const _ of deps.feed.follow(row.teamId, { after, subject: now.id, signal })) {
      now = await read()
      if (now?.state !== 'preparing') break
    }
    signal.throwIfAborted()
  }
  if (!now) throw new AppError('invalid', { detail: 'The version of the model was deleted.' })
  if (now.state === 'failed') throw new AppError('invalid', { detail: now.reason ?? 'The model could not be read.' })
  const { id, name, version, digest, files, sizeBytes } = now
  const value = row.type === 'string' ? { value: id } : {}
  await finish(deps, row, { state: 'ready', reference: `${name}:${version}`, digest, files, sizeBytes, ...value })
}

async function insertModel(
  deps: Deps,
  row: WorkflowOutputRow,
  run: WorkflowRunRow,
  { name, type, notes, digest }: NewModel,
): Promise<string> {
  const now = deps.clock.now()
  const maker = await callerOf(deps.db, run)
  return change(deps, async (trx) => {
    const source = JSON.parse(row.source) as OutputSource
    const job =
      source.from === 'job'
        ? await trx.selectFrom('jobs').selectAll().where('id', '=', source.job).executeTakeFirst()
        : undefined
    const lineage = job ? await lineageOfJob(trx, job) : emptyLineage
    const text = `workflow:${run.name}/${row.job}`
    const from = { text, digest, jobId: job?.id ?? null, lineage }
    const model = await ensureModel(trx, maker, name, now, run.projectId)
    const version = await insertVersion(trx, maker, model, { type, notes: notes ?? '', from }, now)
    await trx.updateTable('workflowOutputs').set({ modelVersionId: version.id }).where('id', '=', row.id).execute()
    return version.id
  })
}

/** Writes down what became of it, once; whoever comes second changes nothing. */
async function finish(
  deps: Deps,
  row: WorkflowOutputRow,
  changes: Partial<WorkflowOutputRow>,
  also: (trx: Trx) => Promise<void> = async () => undefined,
): Promise<void> {
  const endedAt = toIso(deps.clock.now())
  await change(deps, async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('workflowOutputs')
      .set({ ...changes, endedAt })
      .where('id', '=', row.id)
      .where('state', '=', 'preparing')
      .executeTakeFirst()
    if (numUpdatedRows > 0n) await also(trx)
  })
  deps.loop.wake(row.runId)
}
