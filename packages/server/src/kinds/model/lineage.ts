import type { ModelLineage } from '@nabla/api/model'
import type { Kysely } from 'kysely'
import type { JobRow, Tables } from '../../db/tables.ts'
import type { VolumeOrigin } from '../../volumes/origin.ts'

type Db = Pick<Kysely<Tables>, 'selectFrom'>

/** Of files that somebody sent. */
export const emptyLineage: ModelLineage = {
  job: null,
  run: null,
  project: null,
  workspaceDigest: null,
  commit: null,
  datasets: [],
}

/** What made the artifacts of a job: its code and the versions of data that it read, as they were then. */
export async function lineageOfJob(
  db: Db,
  job: Pick<JobRow, 'id' | 'name' | 'projectId' | 'workspaceId'>,
  run: string | null = null,
): Promise<ModelLineage> {
  const project = await db.selectFrom('projects').select(['id', 'name']).where('id', '=', job.projectId).execute()
  const workspace = await db
    .selectFrom('volumes')
    .select(['digest', 'origin'])
    .where('id', '=', job.workspaceId ?? '')
    .executeTakeFirst()
  const datasets = await db
    .selectFrom('jobDatasets')
    .select(['datasetId as id', 'name', 'version', 'digest'])
    .where('jobId', '=', job.id)
    .orderBy('mount')
    .execute()
  const origin = workspace?.origin == null ? null : (JSON.parse(workspace.origin) as VolumeOrigin)
  return {
    job: { id: job.id, name: job.name },
    run,
    project: project[0] ?? null,
    workspaceDigest: workspace?.digest ?? null,
    commit: origin?.commit ?? null,
    datasets,
  }
}
