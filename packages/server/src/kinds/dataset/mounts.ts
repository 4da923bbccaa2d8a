import type { DatasetVersionState, MountedDataset } from '@nabla/api/dataset'
import { parseDatasetReference } from '@nabla/api/dataset-reference'
import type { JobSpec } from '@nabla/api/job'
import type { Kysely } from 'kysely'
import type { JobDatasetRow, Tables } from '../../db/tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { AppError } from '../../lib/app-error.ts'
import type { TaskRequest } from '../../tasks/task.ts'
import { findDataset, findVersion, notReady } from './find.ts'

/** A version that a job reads, chosen when it was submitted. */
export interface ChosenVersion extends Omit<JobDatasetRow, 'jobId'> {
  volumeId: string
}

/**
 * Chooses the versions that a job names, and holds them until the end of the transaction, so that none is deleted
 * before the job refers to it. One that is being prepared will do. Throws AppError `not_found`, `unknown_version`,
 * `conflict` for one that failed, and `invalid` for two with one name.
 */
export async function chooseVersions(trx: Trx, teamId: string, wanted: JobSpec['datasets']): Promise<ChosenVersion[]> {
  const chosen: ChosenVersion[] = []
  for (const { dataset: reference, mount: given } of wanted) {
    const { dataset: name, version } = parseDatasetReference(reference)
    const dataset = await findDataset(trx, teamId, name)
    const found = await findVersion(trx, dataset, version)
    const row = await trx
      .updateTable('datasetVersions')
      .set((eb) => ({ state: eb.ref('state') }))
      .where('id', '=', found.id)
      .returningAll()
      .executeTakeFirst()
    if (!row) throw new AppError('unknown_version', { dataset: dataset.name, version })
    if (row.state === 'failed') throw notReady(dataset, row)
    const mount = given ?? dataset.name
    if (chosen.some((other) => other.mount === mount)) {
      const detail = `Two datasets are to be at ${folderOf(mount)}: give one of them another name, as in ${dataset.name}=other.`
      throw new AppError('invalid', { detail })
    }
    const about = { name: dataset.name, version: row.version, digest: row.digest, volumeId: row.volumeId }
    chosen.push({ mount, datasetId: dataset.id, versionId: row.id, ...about })
  }
  return chosen
}

/** What a job keeps of them in its spec: the versions as they were chosen. */
export function asSpec(chosen: readonly ChosenVersion[]): JobSpec['datasets'] {
  return chosen.map(({ name, version, mount }) => ({ dataset: `${name}:${version}`, mount }))
}

/** The same for another job that is to read the very same versions, whatever their datasets are called by then. */
export async function sameVersions(db: Kysely<Tables>, jobId: string): Promise<JobSpec['datasets']> {
  const rows = await db.selectFrom('jobDatasets').selectAll().where('jobId', '=', jobId).orderBy('mount').execute()
  return rows.map(({ datasetId, version, mount }) => ({ dataset: `${datasetId}:${version}`, mount }))
}

/** How a task mounts them. */
export function mountsOf(chosen: readonly ChosenVersion[]): TaskRequest['volumes'] {
  return chosen.map(({ volumeId, mount }) => ({ volumeId, target: folderOf(mount), mode: 'ro' }))
}

/** Notes what a job reads: while it has not ended, none of it can be deleted. */
export async function insertMounts(trx: Trx, jobId: string, chosen: readonly ChosenVersion[]): Promise<void> {
  if (chosen.length === 0) return
  const rows = chosen.map(({ mount, datasetId, versionId, name, version, digest }): JobDatasetRow => {
    return { jobId, mount, datasetId, versionId, name, version, digest }
  })
  await trx.insertInto('jobDatasets').values(rows).execute()
}

/** What a job reads, for people. */
export async function readMounts(db: Kysely<Tables>, jobId: string): Promise<MountedDataset[]> {
  const rows = await db.selectFrom('jobDatasets').selectAll().where('jobId', '=', jobId).orderBy('mount').execute()
  return rows.map(({ datasetId: id, name, version, digest, mount }) => {
    return { id, name, version, digest, path: folderOf(mount) }
  })
}

/** How far a version is that a job reads. */
export interface WantedVersion {
  name: string
  version: number
  state: DatasetVersionState
  reason: string | null
}

/** How far the versions are that jobs wait for, by job; none for a job whose versions are all ready. */
export async function readWanted(trx: Trx, jobIds: readonly string[]): Promise<Map<string, WantedVersion[]>> {
  if (jobIds.length === 0) return new Map()
  const rows = await trx
    .selectFrom('jobDatasets')
    .innerJoin('datasetVersions', 'datasetVersions.id', 'jobDatasets.versionId')
    .select(['jobDatasets.jobId', 'jobDatasets.name', 'jobDatasets.version'])
    .select(['datasetVersions.state', 'datasetVersions.reason'])
    .where('jobDatasets.jobId', 'in', jobIds)
    .where('datasetVersions.state', '!=', 'ready')
    .orderBy('jobDatasets.mount')
    .execute()
  const wanted = rows.map(({ state, ...row }) => ({ ...row, state: state as DatasetVersionState }))
  return Map.groupBy(wanted, ({ jobId }) => jobId)
}

/** Names of jobs that have not ended and read one of these versions; the first few. */
export async function jobsReading(trx: Trx, versionIds: readonly string[]): Promise<string[]> {
  if (versionIds.length === 0) return []
  const rows = await trx
    .selectFrom('jobDatasets')
    .innerJoin('jobs', 'jobs.id', 'jobDatasets.jobId')
    .select('jobs.name')
    .distinct()
    .where('jobDatasets.versionId', 'in', versionIds)
    .where('jobs.endedAt', 'is', null)
    .limit(4)
    .execute()
  return rows.map(({ name }) => name)
}

const folderOf = (mount: string): string => `/data/${mount}`
