import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { DeploymentRow, InstanceRow } from '../../db/deployment-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { toIso } from '../../lib/clock.ts'
import { newId, randomText } from '../../lib/ids.ts'
import { limits } from '../../lib/limits.ts'
import type { NewInstance } from './plan.ts'
import { readRevision } from './stored.ts'
import { findRevision } from './view.ts'

/** What commands in containers listen on that were told nothing: each has the port for itself there. */
const usualPort = 8080

/** Makes the instances that a planner asked for, each with a port. Answers with their ids. */
export async function createInstances(
  _deps: Deps,
  trx: Trx,
  row: DeploymentRow,
  wanted: readonly NewInstance[],
  now: number,
): Promise<string[]> {
  const taken = await takenPorts(trx)
  const rows: InstanceRow[] = []
  for (const { revision } of wanted) {
    const { spec, ownPorts } = readRevision(await findRevision(trx, row.id, revision))
    const port = spec.port ?? (ownPorts ? usualPort : await freePort(taken))
    taken.add(port)
    rows.push(newInstance(row, revision, port, now))
  }
  await trx.insertInto('deploymentInstances').values(rows).execute()
  await forgetOldest(trx, row.id, now)
  return rows.map(({ id }) => id)
}

async function takenPorts(trx: Trx): Promise<Set<number>> {
  const rows = await trx.selectFrom('deploymentInstances').select('port').where('endedAt', 'is', null).execute()
  return new Set(rows.map(({ port }) => port))
}

/**
 * By chance: what was used last may still be closing, and another server may count from the same end. Something else may
 * listen there, and would be taken for the instance.
 */
async function freePort(taken: ReadonlySet<number>): Promise<number> {
  for (let tries = 0; tries < limits.instancePortTries; tries++) {
    const port = limits.instanceFirstPort + randomInt(limits.instancePorts)
    if (!taken.has(port) && (await isFree(port))) return port
  }
  // All are taken: it waits for its port as any task does.
  return limits.instanceFirstPort
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

function newInstance(row: DeploymentRow, revision: number, port: number, now: number): InstanceRow {
  return {
    id: newId('instance'),
    deploymentId: row.id,
    teamId: row.teamId,
    projectId: row.projectId,
    name: `r${revision}-${randomText(5)}`,
    revision,
    state: 'pending',
    reason: null,
    port,
    restarts: 0,
    readyAt: null,
    firstReadyAt: null,
    restartAt: null,
    restartWhy: null,
    drainAt: null,
    drainMs: 0,
    drainedAt: null,
    createdAt: toIso(now),
    startedAt: null,
    endedAt: null,
    deletedAt: null,
    wakeAt: null,
    version: 1,
  }
}

/** Of those that have ended the last ones are kept, for their logs. */
async function forgetOldest(trx: Trx, deploymentId: string, now: number): Promise<void> {
  const old = await trx
    .selectFrom('deploymentInstances')
    .select('id')
    .where('deploymentId', '=', deploymentId)
    .where('endedAt', 'is not', null)
    .where('deletedAt', 'is', null)
    .orderBy('endedAt', 'desc')
    .offset(limits.endedInstances)
    .limit(limits.planBatch)
    .execute()
  if (old.length === 0) return
  const ids = old.map(({ id }) => id)
  await trx
    .updateTable('deploymentInstances')
    .set({ deletedAt: toIso(now) })
    .where('id', 'in', ids)
    .execute()
}
