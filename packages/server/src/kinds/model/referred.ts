import type { Trx } from '../../db/transaction.ts'

/** The volumes, of those given, that a version of a model is being made of. */
export async function volumesOfModels(trx: Trx, volumeIds: readonly string[]): Promise<string[]> {
  const rows = await trx
    .selectFrom('modelVersions')
    .select('sourceVolumeId')
    .where('state', '=', 'preparing')
    .where('sourceVolumeId', 'in', volumeIds)
    .execute()
  return rows.flatMap(({ sourceVolumeId }) => sourceVolumeId ?? [])
}

/** Says what uses one of these versions, as in `job train-3`; nothing if none is in use. */
export type VersionUse = (trx: Trx, versionIds: readonly string[]) => Promise<string[]>

/** Every kind whose resources use versions of models: one line each. */
const uses: readonly VersionUse[] = [jobsUsing, deploymentsUsing]

/** What uses one of these versions, so that they must stay; the first few. */
export async function usesOf(trx: Trx, versionIds: readonly string[]): Promise<string[]> {
  if (versionIds.length === 0) return []
  const found = await Promise.all(uses.map((use) => use(trx, versionIds)))
  return found.flat()
}

async function jobsUsing(trx: Trx, versionIds: readonly string[]): Promise<string[]> {
  const rows = await trx
    .selectFrom('jobModels')
    .innerJoin('jobs', 'jobs.id', 'jobModels.jobId')
    .select('jobs.name')
    .distinct()
    .where('jobModels.versionId', 'in', versionIds)
    .where('jobs.endedAt', 'is', null)
    .limit(4)
    .execute()
  return rows.map(({ name }) => `job ${name}`)
}

/** What a deployment serves or is about to: the revision that answers, and the newest. */
async function deploymentsUsing(trx: Trx, versionIds: readonly string[]): Promise<string[]> {
  const rows = await trx
    .selectFrom('deploymentModels')
    .innerJoin('deployments', 'deployments.id', 'deploymentModels.deploymentId')
    .select('deployments.name')
    .distinct()
    .where('deploymentModels.versionId', 'in', versionIds)
    .where('deployments.deletedAt', 'is', null)
    .where((eb) =>
      eb.or([
        eb('deploymentModels.revision', '=', eb.ref('deployments.revision')),
        eb('deploymentModels.revision', '=', eb.ref('deployments.servingRevision')),
      ]),
    )
    .limit(4)
    .execute()
  return rows.map(({ name }) => `deployment ${name}`)
}
