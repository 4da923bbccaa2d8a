import { constants } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../lib/app-error.ts'
import type { IndexFile } from './index-file.ts'
import { logPath, partPath } from './log-path.ts'
import { OpenLogs, type WriterOptions } from './open-logs.ts'
import { errorCode, openPlainFile } from './raw-file.ts'
import { endDraft } from './record.ts'

/** The half of a log store that changes logs; see `LogStore` for what the functions do. */
export function openWriters(options: WriterOptions) {
  const { dir } = options
  const logs = new OpenLogs(options)

  async function note(logId: string, part: number, text: string): Promise<void> {
    const path = partPath(logPath(dir, logId), part)
    await mkdir(path, { recursive: true })
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT
    const file = await openPlainFile(join(path, 'system'), flags)
    if (!file) throw new Error(`the platform's own output is not a plain file: ${path}`)
    try {
      await file.write(`${text.replace(/\n+$/, '')}\n`)
    } finally {
      await file.close()
    }
    await logs.poke(logId, part)
  }

  return {
    note,
    async follow(logId: string, part: number): Promise<void> {
      const tailer = await orDiskFull(logs.tailer(logId, part))
      tailer.start()
    },
    async finish(logId: string, part: number): Promise<void> {
      const tailer = await orDiskFull(logs.tailer(logId, part))
      await orDiskFull(tailer.finish())
      await logs.drop(logId, part, tailer)
    },
    async close(logId: string): Promise<void> {
      const end = async (index: IndexFile) => {
        if (!index.ended) await index.append([endDraft])
        await index.sync()
      }
      await orDiskFull(logs.withIndex(logId, end))
    },
    async remove(logId: string): Promise<void> {
      await logs.stop(logId)
      await rm(logPath(dir, logId), { recursive: true, force: true })
    },
    async shutdown(): Promise<void> {
      for (const logId of logs.ids()) await logs.stop(logId)
    },
  }
}

async function orDiskFull<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw errorCode(error) === 'ENOSPC' ? new AppError('disk_full') : error
  }
}
