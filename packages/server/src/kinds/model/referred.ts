import type { ModelUse } from '@nabla/api/model'
import type { ExpressionBuilder } from 'kysely'
import type { Tables } from '../../db/tables.ts'
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
    .where(isServed)
    .limit(4)
    .execute()
  return rows.map(({ name }) => `deployment ${name}`)
}

/** The revision that answers, and the newest. */
function isServed(eb: ExpressionBuilder<Tables, 'deploymentModels' | 'deployments'>) {
  return eb.or([
    eb('deploymentModels.revision', '=', eb.ref('deployments.revision')),
    eb('deploymentModels.revision', '=', eb.ref('deployments.servingRevision')),
  ])
}

/** What serves a version, then the newest jobs that read it or did; for people who look at what became of it. */
export async function listUses(db: Pick<Trx, 'selectFrom'>, versionId: string): Promise<ModelUse[]> {
  const deployments = await db
    .selectFrom('deploymentModels')
    .innerJoin('deployments', 'deployments.id', 'deploymentModels.deploymentId')
    .select(['deployments.id', 'deployments.name', 'deployments.state', 'deployments.createdAt'])
    .distinct()
    .where('deploymentModels.versionId', '=', versionId)
    .where('deployments.deletedAt', 'is', null)
    .where(isServed)
    .orderBy('deployments.createdAt', 'desc')
    .limit(mostUses)
    .execute()
  const jobs = await db
    .selectFrom('jobModels')
    .innerJoin('jobs', 'jobs.id', 'jobModels.jobId')
    .select(['jobs.id', 'jobs.name', 'jobs.state', 'jobs.endedAt', 'jobs.createdAt'])
    .distinct()
    .where('jobModels.versionId', '=', versionId)
    .orderBy('jobs.createdAt', 'desc')
    .limit(mostUses)
    .execute()
  return [
    ...deployments.map(({ id, name, state }) => ({ kind: 'deployment' as const, id, name, state, holds: true })),
    ...jobs.map(({ id, name, state, endedAt }) => ({ kind: 'job' as const, id, name, state, holds: endedAt === null })),
  ]
}

const mostUses = 20
