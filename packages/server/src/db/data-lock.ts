import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AppError } from '../lib/app-error.ts'

export interface DataLock {
  release(): void
}

/**
 * Makes the data folder and takes it for this process, until it lets go or ends in whatever way. Throws AppError
 * `data_in_use` when another process has it, and `data_unusable` when the folder cannot be made or written to.
 *
 * Node has no lock on files of its own, so SQLite's is used: a transaction that is never ended, on a database that
 * stays empty. The system lets go of it when the process is gone. No other code may open `lock.db`: POSIX drops all
 * locks that a process has on a file as soon as it closes that file once, through whichever descriptor.
 */
export function lockDataFolder(data: string): DataLock {
  const pidPath = join(data, 'server.pid')
  let lock: DatabaseSync | undefined
  try {
    mkdirSync(data, { recursive: true, mode: 0o700 })
    lock = new DatabaseSync(join(data, 'lock.db'), { timeout: 0 })
    lock.exec('begin exclusive')
    writeFileSync(pidPath, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    lock?.close()
    if (isBusy(error)) throw new AppError('data_in_use', { path: data, pid: readPid(pidPath) })
    throw new AppError('data_unusable', { path: data, reason: error instanceof Error ? error.message : String(error) })
  }
  const held = lock
  return {
    release() {
      if (!held.isOpen) return
      rmSync(pidPath, { force: true })
      held.close()
    },
  }
}

// https://www.sqlite.org/rescode.html#busy
const sqliteBusy = 5

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy
}

function readPid(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return '(unknown)'
  }
}

/** Throws AppError `no_data` for settings of a server that was never started. */
export function checkHasData({ data, database }: { data: string; database: string }): void {
  if (!existsSync(database === 'sqlite' ? join(data, 'nabla.db') : data)) throw new AppError('no_data', { path: data })
}
