import type { Tree } from '@nabla/api/tree'
import type { Trx } from '../db/transaction.ts'
import { toIso } from '../lib/clock.ts'
import type { Db } from './chunk-rows.ts'

/**
 * The tree of a team, or undefined if it has none with this digest. To be called in the transaction that stores a
 * volume with this `treeDigest`: it keeps a collection that is under way from deleting the tree just then.
 */
export async function holdTree(trx: Trx | Db, teamId: string, digest: string, now: number): Promise<Tree | undefined> {
  return trx
    .updateTable('trees')
    .set({ usedAt: toIso(now) })
    .where('teamId', '=', teamId)
    .where('digest', '=', digest)
    .returning(['digest', 'files', 'sizeBytes'])
    .executeTakeFirst()
}
