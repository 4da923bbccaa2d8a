import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '../../lib/assert.ts'
import { errorCode } from './raw-file.ts'

/** The folder of a log. The id is one of ours, never a name that a user chose. */
export function logPath(logsDir: string, logId: string): string {
  assert(/^[A-Za-z0-9_-]{1,128}$/.test(logId), `not the id of a log: ${logId}`)
  return join(logsDir, logId)
}

/** The folder of one part of a log. */
export function partPath(logDir: string, part: number): string {
  assert(Number.isInteger(part) && part >= 0 && part < 2 ** 32, `not the number of a part: ${part}`)
  return join(logDir, 'parts', String(part))
}

/** Size of all files in a folder, in bytes; 0 when there is no such folder. */
export async function folderBytes(path: string): Promise<number> {
  let sum = 0
  try {
    for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
      if (entry.isFile()) sum += (await stat(join(entry.parentPath, entry.name))).size
    }
  } catch (error) {
    // The log may be removed meanwhile.
    if (errorCode(error) !== 'ENOENT') throw error
  }
  return sum
}
