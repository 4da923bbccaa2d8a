import { randomUUID } from 'node:crypto'
import { AppError } from '../lib/app-error.ts'
import { type Clock, toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { ObjectStore } from '../stores/store.ts'

/** Objects that say who is at work in a place for backups: `working/<what>-<id>`. */
const claimPrefix = 'working/'

/** `copy` makes a backup, of which nothing may be deleted; `prune` deletes what no backup needs. */
export type Work = 'copy' | 'prune'

/**
 * Runs `work` unless somebody does the other kind of work in that place; throws AppError `busy` then. Each says what it
 * does before it looks at what others do, so that of two who meet at least one gives way, without a lock. What a crash
 * left behind counts for `limits.backupClaimMs`.
 */
export async function claiming<T>(
  { target, clock, signal }: { target: ObjectStore; clock: Clock; signal: AbortSignal },
  kind: Work,
  work: () => Promise<T>,
): Promise<T> {
  const key = `${claimPrefix}${kind}-${randomUUID()}`
  await target.put(key, Buffer.from(toIso(clock.now())), signal)
  try {
    for await (const other of target.list(claimPrefix, signal)) {
      if (other.key === key || other.key.startsWith(`${claimPrefix}${kind}-`)) continue
      const isLeft = clock.now() - other.modifiedAt > limits.backupClaimMs
      if (!isLeft) throw new AppError('busy', { detail: `${doing(other.key)} in ${target.place} (${other.key})` })
      await target.remove(other.key)
    }
    return await work()
  } finally {
    // What is done is done; a claim that cannot be taken back counts for a while.
    await target.remove(key).catch(() => undefined)
  }
}

const doing = (key: string): string =>
  key.startsWith(`${claimPrefix}prune-`) ? 'old backups are being deleted' : 'another backup is under way'
