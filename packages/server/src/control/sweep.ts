import { plannedKinds } from '../kinds/index.ts'
import { sweepExpired } from '../kinds/artifact/expiry.ts'
import { sweepUploads } from '../kinds/storage.ts'
import { collectWorkspaces } from '../kinds/workspace.ts'
import { inTransaction } from '../db/transaction.ts'
import type { Deps } from '../deps.ts'
import { toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { machineSubject } from '../metrics/sampler.ts'
import { usage } from '../volumes/usage.ts'

/**
 * Deletes the files of resources that were deleted, then forgets their rows: in this order, so that a crash between
 * leaves a row that is swept again and never a file that nobody knows. Also collects files that nothing refers to, and old events.
 */
export async function sweepDeleted(deps: Deps): Promise<void> {
  for (const kind of plannedKinds) {
    const remains = await inTransaction(deps.db, (trx) => kind.purgeable(trx))
    if (remains.length === 0) continue
    for (const { id, volumes } of remains) {
      for (const volume of volumes) await deps.volumes.removeVolume(volume)
      await deps.logs.remove(id)
      await deps.measurements.remove(id)
    }
    await inTransaction(deps.db, (trx) => kind.forget(trx, remains))
  }
  for (const id of await collectWorkspaces(deps)) await deps.volumes.removeVolume(id)
  await sweepUploads(deps)
  await sweepExpired(deps)
  await deps.feed.prune(toIso(deps.clock.now() - limits.eventsKeptMs))
}

/** Deletes measurements of what is no more: a server may be killed between measuring a task and hearing of its end. */
export async function sweepMeasurements({ db, measurements }: Pick<Deps, 'db' | 'measurements'>): Promise<void> {
  let batch: string[] = []
  const sweep = async () => {
    const rows = await db.selectFrom('tasks').select('ownerId').distinct().where('ownerId', 'in', batch).execute()
    const known = new Set([...rows.map((row) => row.ownerId), ...(await knownIds(db, batch))])
    for (const id of batch) if (!known.has(id)) await measurements.remove(id)
    batch = []
  }
  for await (const id of measurements.ids()) {
    if (id !== machineSubject) batch.push(id)
    if (batch.length >= limits.planBatch) await sweep()
  }
  if (batch.length > 0) await sweep()
}

/** Those that a kind knows: what is measured of a resource that owns no task itself. */
async function knownIds(db: Deps['db'], ids: readonly string[]): Promise<string[]> {
  const rows = await inTransaction(db, (trx) => Promise.all(plannedKinds.map((kind) => kind.load(trx, ids))))
  return rows.flat().map(({ id }) => id)
}

/** Writes down how much the resources that have just ended left in their volumes: a figure for people, not a limit. */
export async function measureVolumes(deps: Deps, owners: readonly string[]): Promise<void> {
  const rows = await deps.db.selectFrom('volumes').select('id').where('ownerId', 'in', owners).execute()
  for (const { id } of rows) {
    await deps.volumes.createVolume(id)
    const { bytes, files } = await usage(deps.volumes.volumeDir(id))
    if (files === 0) continue
    await deps.db.updateTable('volumes').set({ sizeBytes: bytes, files }).where('id', '=', id).execute()
  }
}
