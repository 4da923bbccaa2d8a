import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from '../lib/file-error.ts'
import type { SecretBox } from '../lib/secret-box.ts'
import type { LogStore } from './logs/log-store.ts'

interface Parts {
  logs: Pick<LogStore, 'partDir'>
  box: SecretBox
}

/** What belongs to a log as a whole lies where attempts, which count from 1, do not come. */
const whole = 0

/**
 * Notes values that are to be hidden in a log: those of the secrets that its task is given. They are kept sealed
 * beside the log, and as long as it, since a secret may be changed or deleted while a log still shows its old value.
 */
export async function noteHidden(parts: Parts, logId: string, values: readonly string[]): Promise<void> {
  if (values.length === 0) return
  const known = await readHidden(parts, logId)
  if (values.every((value) => known.includes(value))) return
  const all = [...new Set([...known, ...values])]
  const path = pathOf(parts, logId)
  await writeFile(`${path}.new`, parts.box.seal(JSON.stringify(all), contextOf(logId)), { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
}

/** The values that were noted; none for a log without. Throws AppError `secret_unreadable`. */
export async function readHidden(parts: Parts, logId: string): Promise<string[]> {
  try {
    const sealed = await readFile(pathOf(parts, logId), 'utf8')
    return JSON.parse(parts.box.open(sealed, contextOf(logId))) as string[]
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

const pathOf = ({ logs }: Parts, logId: string): string => join(logs.partDir(logId, whole), 'hidden')

const contextOf = (logId: string): string => `hidden values of ${logId}`
