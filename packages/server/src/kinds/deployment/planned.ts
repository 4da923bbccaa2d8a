import type { Trx } from '../../db/transaction.ts'
import type { DeploymentRow, InstanceRow, RevisionRow } from '../../db/deployment-tables.ts'
import { toIso } from '../../lib/clock.ts'
import type { PlannedKind, Remains } from '../planned.ts'
import { plannedRows } from '../planned-rows.ts'
import { createInstances } from './create-instances.ts'
import { type InstanceChanges, planInstance } from './instance-plan.ts'
import { serverGift } from './model-server.ts'
import { type DeploymentChanges, type NewInstance, planDeployment } from './plan.ts'
import { isAlone, readRevision } from './stored.ts'
import { taskOf } from './task.ts'

/** A deployment with its newest revision and the instances that have not ended. */
export interface LoadedDeployment extends DeploymentRow {
  newest: RevisionRow
  open: InstanceRow[]
}

const rows = plannedRows('deployments')

/** How the control loop handles deployments. They own instances, and no tasks. */
export const deploymentKind: PlannedKind<LoadedDeployment, DeploymentChanges, NewInstance> = {
  ...rows,
  prefix: 'd',
  ownsTasks: false,

  async load(trx, ids) {
    const found = await trx.selectFrom('deployments').selectAll().where('id', 'in', ids).execute()
    const revisions = await trx
      .selectFrom('deploymentRevisions')
      .innerJoin('deployments', 'deployments.id', 'deploymentRevisions.deploymentId')
      .selectAll('deploymentRevisions')
      .whereRef('deploymentRevisions.number', '=', 'deployments.revision')
      .where('deployments.id', 'in', ids)
      .execute()
    const instances = await trx
      .selectFrom('deploymentInstances')
      .selectAll()
      .where('deploymentId', 'in', ids)
      .where('endedAt', 'is', null)
      .orderBy('createdAt')
      .orderBy('id')
      .execute()
    return found.flatMap((row) => {
      const newest = revisions.find(({ deploymentId }) => deploymentId === row.id)
      const open = instances.filter(({ deploymentId }) => deploymentId === row.id)
      return newest ? [{ ...row, newest, open }] : []
    })
  },

  plan({ newest, open, ...row }, _tasks, now) {
    const revision = readRevision(newest)
    const { drainSeconds, healthChecks, autoscaling } = revision.spec
    const want = {
      row,
      alone: isAlone(revision),
      drainMs: Math.round(drainSeconds * 1000),
      startLimitMs: healthChecks.startLimitSeconds * 1000,
      wakes: autoscaling !== null,
      instances: open,
    }
    return planDeployment(want, now)
  },

  async update(trx, row, { failure, ...changes }) {
    const isWritten = await rows.update(trx, row, changes)
    if (isWritten && failure) await noteFailure(trx, row, failure)
    return isWritten
  },

  create: createInstances,

  async stop(trx, stops, now) {
    for (const { id, graceMs } of stops) {
      await trx
        .updateTable('deploymentInstances')
        .set(({ eb, fn }) => ({
          drainAt: fn.coalesce('drainAt', eb.val(toIso(now))),
          drainMs: graceMs,
          version: eb('version', '+', 1),
        }))
        .where('id', '=', id)
        .where('endedAt', 'is', null)
        .execute()
    }
  },

  async purgeable(trx) {
    const rows = await trx
      .selectFrom('deployments')
      .select('id')
      .where('deletedAt', 'is not', null)
      .where('endedAt', 'is not', null)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('deploymentInstances')
              .select('deploymentInstances.id')
              .whereRef('deploymentInstances.deploymentId', '=', 'deployments.id'),
          ),
        ),
      )
      .limit(purgeBatch)
      .execute()
    return rows.map(({ id }) => ({ id, volumes: [] }))
  },

  async forget(trx, remains) {
    const ids = remains.map(({ id }) => id)
    await trx.deleteFrom('tags').where('subjectId', 'in', ids).execute()
    for (const table of ['deploymentRevisions', 'deploymentModels'] as const) {
      await trx.deleteFrom(table).where('deploymentId', 'in', ids).execute()
    }
    await trx.deleteFrom('deployments').where('id', 'in', ids).execute()
  },
}

/** An instance with the revision that it runs, and whether its deployment is deleted. */
export interface LoadedInstance extends InstanceRow {
  deploymentName: string
  revisionSpec: string
}

/** How the control loop handles instances. */
export const instanceKind: PlannedKind<LoadedInstance, InstanceChanges> = {
  ...plannedRows('deploymentInstances'),
  prefix: 'di',
  ownsTasks: true,

  load: (trx, ids) =>
    trx
      .selectFrom('deploymentInstances')
      .innerJoin('deployments', 'deployments.id', 'deploymentInstances.deploymentId')
      .innerJoin('deploymentRevisions', (join) =>
        join
          .onRef('deploymentRevisions.deploymentId', '=', 'deploymentInstances.deploymentId')
          .onRef('deploymentRevisions.number', '=', 'deploymentInstances.revision'),
      )
      .selectAll('deploymentInstances')
      .select(['deployments.name as deploymentName', 'deploymentRevisions.spec as revisionSpec'])
      .where('deploymentInstances.id', 'in', ids)
      .execute(),

  plan(row, tasks, now) {
    return planInstance({ row, taskFor: (attempt) => taskOf(row, attempt) }, tasks, now)
  },

  parentOf: (row) => row.deploymentId,

  startWith: (_deps, task) => serverGift(task),

  async purgeable(trx) {
    const rows = await trx
      .selectFrom('deploymentInstances')
      .innerJoin('deployments', 'deployments.id', 'deploymentInstances.deploymentId')
      .select('deploymentInstances.id')
      .where((eb) =>
        eb.or([eb('deploymentInstances.deletedAt', 'is not', null), eb('deployments.deletedAt', 'is not', null)]),
      )
      .where('deploymentInstances.endedAt', 'is not', null)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('tasks')
              .select('tasks.id')
              .whereRef('tasks.ownerId', '=', 'deploymentInstances.id')
              .where('tasks.removedAt', 'is', null),
          ),
        ),
      )
      .limit(purgeBatch)
      .execute()
    return rows.map(({ id }) => ({ id, volumes: [] }))
  },

  async forget(trx, remains: readonly Remains[]) {
    const ids = remains.map(({ id }) => id)
    await trx.deleteFrom('tasks').where('ownerId', 'in', ids).execute()
    await trx.deleteFrom('deploymentInstances').where('id', 'in', ids).execute()
  },
}

/** Rows deleted at a time: keeps the transaction short. */
const purgeBatch = 200

async function noteFailure(
  trx: Trx,
  { id, revision }: DeploymentRow,
  { instanceId, reason, failedAt }: NonNullable<DeploymentChanges['failure']>,
): Promise<void> {
  await trx
    .updateTable('deploymentRevisions')
    .set({ reason, failedAt, failedInstanceId: instanceId })
    .where('deploymentId', '=', id)
    .where('number', '=', revision)
    .execute()
}
