import type { CheckProgress, CheckReport } from '@nabla/api/tree'
import type { Config } from './config.ts'
import { checkHasData, lockDataFolder } from './db/data-lock.ts'
import { openDatabase } from './db/open.ts'
import { describeCheck } from './kinds/tree.ts'
import { systemClock } from './lib/clock.ts'
import { openStore } from './stores/index.ts'
import { openChunkStore } from './trees/chunk-store.ts'

/**
 * Checks what a server that is stopped has stored; see `ChunkStore.fsck`. Throws AppError `data_in_use` when it runs,
 * and `no_data` when there is none.
 */
export async function* checkData(
  config: Config,
  signal: AbortSignal,
): AsyncGenerator<CheckProgress, CheckReport, undefined> {
  checkHasData(config)
  const lock = lockDataFolder(config.data)
  try {
    const { db, close } = await openDatabase(config)
    try {
      const store = openStore(config, systemClock)
      const report = yield* openChunkStore({ db, store, clock: systemClock }).fsck(signal)
      return await describeCheck({ db }, report)
    } finally {
      await close()
    }
  } finally {
    lock.release()
  }
}
