import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { CheckProgress, CheckReport } from '@nabla/api/tree'
import type { Config } from './config.ts'
import { lockDataFolder } from './db/data-lock.ts'
import { openDatabase } from './db/open.ts'
import { describeCheck } from './kinds/tree.ts'
import { AppError } from './lib/app-error.ts'
import { systemClock } from './lib/clock.ts'
import { openStore } from './stores/index.ts'
import { openChunkStore } from './trees/chunk-store.ts'

/**
 * Checks what a server that is stopped has stored; see `ChunkStore.fsck`. Throws AppError `data_in_use` when it runs,
 * and `data_unusable` when there is none.
 */
export async function* checkData(
  config: Config,
  signal: AbortSignal,
): AsyncGenerator<CheckProgress, CheckReport, undefined> {
  const { data, database } = config
  if (database === 'sqlite' && !existsSync(join(data, 'nabla.db'))) {
    throw new AppError('data_unusable', { path: data, reason: 'no server has been started in it' })
  }
  const lock = lockDataFolder(data)
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
