import type { WorkflowRunRow } from '../../db/workflow-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { holdTree } from '../../trees/tree-rows.ts'

/**
 * The jobs of a run that need not run again: those that succeeded. Throws AppError `conflict` when it has not ended,
 * and when there is nothing left to do.
 */
export async function jobsDone(trx: Pick<Trx, 'selectFrom'>, from: WorkflowRunRow): Promise<Set<string>> {
  if (from.endedAt === null) {
    throw new AppError('conflict', { detail: `Run ${from.number} has not ended: stop it first, or wait for its end.` })
  }
  if (from.state === 'succeeded') {
    throw new AppError('conflict', { detail: `All jobs of run ${from.number} succeeded: there is none to run again.` })
  }
  const rows = await trx
    .selectFrom('workflowJobs')
    .select('name')
    .where('runId', '=', from.id)
    .where('state', '=', 'succeeded')
    .execute()
  return new Set(rows.map(({ name }) => name))
}

/** Gives a new run the jobs that an earlier one has done, with what they left. */
export async function carryOver(
  trx: Trx,
  from: WorkflowRunRow,
  to: WorkflowRunRow,
  done: ReadonlySet<string>,
  now: number,
): Promise<void> {
  const steps = await trx.selectFrom('workflowJobs').selectAll().where('runId', '=', from.id).execute()
  for (const { name, jobId, reason, startedAt, endedAt } of steps.filter((step) => done.has(step.name))) {
    await trx
      .updateTable('workflowJobs')
      .set({ state: 'succeeded', jobId, reason: reason ?? `It was done in run ${from.number}.`, startedAt, endedAt })
      .where('runId', '=', to.id)
      .where('name', '=', name)
      .execute()
  }
  const outputs = await trx.selectFrom('workflowOutputs').selectAll().where('runId', '=', from.id).execute()
  for (const output of outputs.filter(({ job }) => done.has(job))) {
    const id = newId('workflowOutput')
    const volumeId = output.volumeId === null ? null : await copyVolume(trx, output.volumeId, id, now)
    await trx
      .insertInto('workflowOutputs')
      .values({ ...output, id, runId: to.id, volumeId })
      .execute()
  }
}

/** Each run has its own, which goes with it; the files are in a tree, of which there is one. */
async function copyVolume(trx: Trx, from: string, ownerId: string, now: number): Promise<string> {
  const volume = await trx.selectFrom('volumes').selectAll().where('id', '=', from).executeTakeFirst()
  const held = volume?.treeDigest && (await holdTree(trx, volume.teamId, volume.treeDigest, now))
  if (!volume || !held) {
    throw new AppError('conflict', { detail: 'What its jobs left is gone: run it again from the beginning.' })
  }
  const id = newId('volume')
  await trx
    .insertInto('volumes')
    .values({ ...volume, id, ownerId, createdAt: toIso(now), deletedAt: null })
    .execute()
  return id
}
