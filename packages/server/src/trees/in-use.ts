import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import { limits } from '../lib/limits.ts'
import type { TaskRequest } from '../tasks/task.ts'

/**
 * Digests of the trees that tasks have mounted, or are about to: those of the volumes of every task that has a place
 * and that its engine may still hold something of.
 */
export async function treesInUse(db: Kysely<Tables>): Promise<Set<string>> {
  const tasks = await db
    .selectFrom('tasks')
    .select('request')
    .where('removedAt', 'is', null)
    .where('state', '!=', 'queued')
    .execute()
  const volumes = tasks.flatMap(({ request }) => (JSON.parse(request) as TaskRequest).volumes)
  const ids = [...new Set(volumes.map(({ volumeId }) => volumeId))]
  const digests = new Set<string>()
  for (let from = 0; from < ids.length; from += limits.planBatch) {
    const rows = await db
      .selectFrom('volumes')
      .select('treeDigest')
      .where('id', 'in', ids.slice(from, from + limits.planBatch))
      .execute()
    for (const { treeDigest } of rows) if (treeDigest !== null) digests.add(treeDigest)
  }
  return digests
}
