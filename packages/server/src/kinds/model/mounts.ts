import type { JobSpec } from '@nabla/api/job'
import type { MountedModel } from '@nabla/api/model'
import type { Kysely } from 'kysely'
import type { JobModelRow } from '../../db/model-tables.ts'
import type { Tables } from '../../db/tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { AppError } from '../../lib/app-error.ts'
import type { TaskRequest } from '../../tasks/task.ts'
import { assertReady, resolveModel } from './find.ts'
import { refuseUntrusted } from './trust.ts'

/** A version that a job reads, chosen when it was submitted. */
export interface ChosenModel extends Omit<JobModelRow, 'jobId'> {
  volumeId: string
}

/**
 * Chooses the versions that a job names, and holds them until the end of the transaction, so that none is deleted
 * before the job refers to it. Throws AppError `not_found`, `unknown_model_version`, `conflict` for one that is not
 * ready, `model_not_allowed` where the project asks for more, and `invalid` for two at one place.
 */
export async function chooseModels(
  trx: Trx,
  teamId: string,
  project: { id: string; name: string },
  wanted: JobSpec['models'],
): Promise<ChosenModel[]> {
  const chosen: ChosenModel[] = []
  for (const { model: reference, path: given } of wanted) {
    const { model, version: found } = await resolveModel(trx, teamId, reference)
    const held = await trx
      .updateTable('modelVersions')
      .set((eb) => ({ state: eb.ref('state') }))
      .where('id', '=', found.id)
      .returningAll()
      .executeTakeFirst()
    if (!held) throw new AppError('unknown_model_version', { model: model.name, version: `version ${found.version}` })
    const version = assertReady(model, held)
    await refuseUntrusted(trx, project, { model, version })
    const path = normal(given ?? `/models/${model.name}`)
    if (chosen.some((other) => isInside(other.path, path) || isInside(path, other.path))) {
      const detail = `Two models are to be at ${path}: give one of them another place, as in ${model.name}:/models/other.`
      throw new AppError('invalid', { detail })
    }
    const { name, id: modelId } = model
    const { digest, volumeId, id: versionId } = version
    chosen.push({ path, modelId, versionId, name, version: version.version, digest, volumeId })
  }
  return chosen
}

/** What a job keeps of them in its spec: the versions as they were chosen. */
export function modelsAsSpec(chosen: readonly ChosenModel[]): JobSpec['models'] {
  return chosen.map(({ name, version, path }) => ({ model: `${name}:${version}`, path }))
}

/** The same for another job that is to read the very same versions, whatever their models are called by then. */
export async function sameModels(db: Kysely<Tables>, jobId: string): Promise<JobSpec['models']> {
  const rows = await db.selectFrom('jobModels').selectAll().where('jobId', '=', jobId).orderBy('path').execute()
  return rows.map(({ versionId, path }) => ({ model: versionId, path }))
}

/** How a task mounts them. */
export function modelMounts(chosen: readonly ChosenModel[]): TaskRequest['volumes'] {
  return chosen.map(({ volumeId, path }) => ({ volumeId, target: path, mode: 'ro' }))
}

/** Notes what a job reads: while it has not ended, none of it can be deleted. */
export async function insertModels(trx: Trx, jobId: string, chosen: readonly ChosenModel[]): Promise<void> {
  if (chosen.length === 0) return
  const rows = chosen.map(({ path, modelId, versionId, name, version, digest }): JobModelRow => {
    return { jobId, path, modelId, versionId, name, version, digest }
  })
  await trx.insertInto('jobModels').values(rows).execute()
}

/** What a job reads, for people. */
export async function readModels(db: Kysely<Tables>, jobId: string): Promise<MountedModel[]> {
  const rows = await db.selectFrom('jobModels').selectAll().where('jobId', '=', jobId).orderBy('path').execute()
  return rows.map(({ modelId: id, name, version, digest, path }) => ({ id, name, version, digest, path }))
}

const normal = (path: string): string =>
  `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`

const isInside = (outer: string, inner: string): boolean => inner === outer || inner.startsWith(`${outer}/`)
