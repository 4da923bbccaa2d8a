import type { LoggedModelRow, RunRow } from '../../db/run-tables.ts'
import { inTransaction } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Caller } from '../kind.ts'
import { findRun } from './find.ts'

/** Where the files of a run, or of a model that it logged, are. */
export interface TrackedFiles {
  volumeId: string
  /** The folder of the volume. */
  root: string
  /** Where in it they begin; empty, or with a slash at its end. */
  prefix: string
}

/**
 * The files of a run or a logged model of the caller's team. Those of a job are among its artifacts, where people
 * look for them: `runs/<id>` and `models/<id>`. Throws AppError `not_found`, and `artifacts_gone`.
 */
export async function trackedFiles(deps: Deps, caller: Caller, ownerId: string): Promise<TrackedFiles> {
  if (!ownerId.startsWith('m-')) return filesOfRun(deps, await findRun(deps, caller, ownerId), 'runs', ownerId)
  const model = await findLoggedModel(deps, caller, ownerId)
  const run = model.runId === null ? undefined : await findRun(deps, caller, model.runId)
  if (run?.jobId) return filesOfRun(deps, run, 'models', ownerId)
  return ownVolume(deps, 'loggedModels', model)
}

/** A model that was logged in the caller's team. Throws AppError `not_found`. */
export async function findLoggedModel(deps: Deps, caller: Caller, id: string): Promise<LoggedModelRow> {
  const row = await deps.db
    .selectFrom('loggedModels')
    .selectAll()
    .where('id', '=', id)
    .where('teamId', '=', caller.teamId)
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
  if (!row) throw new AppError('not_found', { noun: 'logged model', id })
  return row
}

async function filesOfRun(deps: Deps, run: RunRow, folder: 'runs' | 'models', id: string): Promise<TrackedFiles> {
  if (run.jobId === null) return ownVolume(deps, 'runs', run)
  const job = await deps.db
    .selectFrom('jobs')
    .innerJoin('volumes', 'volumes.id', 'jobs.artifactsId')
    .select(['jobs.name', 'jobs.artifactsId', 'volumes.deletedAt'])
    .where('jobs.id', '=', run.jobId)
    .executeTakeFirst()
  if (!job) throw new AppError('not_found', { noun: 'run', id: run.id })
  if (job.deletedAt !== null) {
    throw new AppError('artifacts_gone', { job: job.name, date: job.deletedAt.slice(0, 10) })
  }
  await deps.volumes.createVolume(job.artifactsId)
  return { volumeId: job.artifactsId, root: deps.volumes.volumeDir(job.artifactsId), prefix: `${folder}/${id}/` }
}

/** A volume of its own, made when it is first asked for. */
async function ownVolume(
  deps: Deps,
  table: 'runs' | 'loggedModels',
  owner: { id: string; teamId: string; volumeId: string | null },
): Promise<TrackedFiles> {
  const volumeId = owner.volumeId ?? (await makeVolume(deps, table, owner))
  await deps.volumes.createVolume(volumeId)
  return { volumeId, root: deps.volumes.volumeDir(volumeId), prefix: '' }
}

async function makeVolume(
  deps: Deps,
  table: 'runs' | 'loggedModels',
  owner: { id: string; teamId: string },
): Promise<string> {
  return inTransaction(deps.db, async (trx) => {
    const id = newId('volume')
    const taken = await trx
      .updateTable(table)
      .set({ volumeId: id })
      .where('id', '=', owner.id)
      .where('volumeId', 'is', null)
      .executeTakeFirst()
    if (taken.numUpdatedRows === 0n) {
      const row = await trx.selectFrom(table).select('volumeId').where('id', '=', owner.id).executeTakeFirst()
      if (!row?.volumeId) throw new AppError('not_found', { noun: 'run', id: owner.id })
      return row.volumeId
    }
    const empty = { origin: null, digest: null, treeDigest: null, files: 0, sizeBytes: 0, deletedAt: null }
    const createdAt = toIso(deps.clock.now())
    await trx
      .insertInto('volumes')
      .values({ id, teamId: owner.teamId, purpose: 'run', ownerId: owner.id, createdAt, ...empty })
      .execute()
    return id
  })
}
