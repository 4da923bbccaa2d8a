import type { DeploymentRow, InstanceRow } from '../../db/deployment-tables.ts'
import type { Db } from '../../deps.ts'
import { readRevision, type StoredRevision } from './stored.ts'

/** A deployment with all that it takes to serve it. */
export interface ServedDeployment {
  row: DeploymentRow
  /** Those that have instances, and the newest. */
  revisions: ReadonlyMap<number, StoredRevision>
  instances: { row: InstanceRow; task: { id: string; engine: string } | null }[]
}

/** Every deployment that is not gone. */
export async function readServed(db: Db): Promise<ServedDeployment[]> {
  const rows = await db.selectFrom('deployments').selectAll().where('deletedAt', 'is', null).execute()
  if (rows.length === 0) return []
  const instances = await db.selectFrom('deploymentInstances').selectAll().where('endedAt', 'is', null).execute()
  const tasks = await db
    .selectFrom('tasks')
    .innerJoin('deploymentInstances', 'deploymentInstances.id', 'tasks.ownerId')
    .select(['tasks.id', 'tasks.engine', 'tasks.ownerId'])
    .where('tasks.state', '=', 'running')
    .where('tasks.desired', '=', 'run')
    .where('deploymentInstances.endedAt', 'is', null)
    .execute()
  const revisions = await db
    .selectFrom('deploymentRevisions')
    .innerJoin('deployments', 'deployments.id', 'deploymentRevisions.deploymentId')
    .selectAll('deploymentRevisions')
    .where('deployments.deletedAt', 'is', null)
    .where((eb) =>
      eb.or([
        eb('deploymentRevisions.number', '=', eb.ref('deployments.revision')),
        eb('deploymentRevisions.number', '=', eb.ref('deployments.servingRevision')),
        eb.exists(
          eb
            .selectFrom('deploymentInstances')
            .select('deploymentInstances.id')
            .whereRef('deploymentInstances.deploymentId', '=', 'deployments.id')
            .whereRef('deploymentInstances.revision', '=', 'deploymentRevisions.number')
            .where('deploymentInstances.endedAt', 'is', null),
        ),
      ]),
    )
    .execute()
  const byOwner = Map.groupBy(instances, ({ deploymentId }) => deploymentId)
  const revisionsOf = Map.groupBy(revisions, ({ deploymentId }) => deploymentId)
  const taskOf = new Map(tasks.map(({ ownerId, ...task }) => [ownerId, task]))
  return rows.map((row) => ({
    row,
    revisions: new Map((revisionsOf.get(row.id) ?? []).map((one) => [one.number, readRevision(one)])),
    instances: (byOwner.get(row.id) ?? []).map((one) => ({ row: one, task: taskOf.get(one.id) ?? null })),
  }))
}
