import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
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
    makeFolder(data)
    // What SQLite says of one that may not be written to names no reason.
    accessSync(data, constants.W_OK)
    lock = new DatabaseSync(join(data, 'lock.db'), { timeout: 0 })
    lock.exec('begin exclusive')
    writeFileSync(pidPath, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    lock?.close()
    if (isBusy(error)) throw new AppError('data_in_use', { path: data, pid: readPid(pidPath) })
    throw new AppError('data_unusable', { path: data, reason: reasonOf(error) })
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

/** Throws what the system says of the first folder that it refuses. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    // Node says so of a file system that is read-only: the folder above it tells.
    makeFolder(dirname(path))
    mkdirSync(path, { mode: 0o700 })
  }
}

const reasons: Record<string, string> = {
  EACCES: 'this user may not write there',
  EDQUOT: 'the quota of this user is used up',
  EEXIST: 'there is a file of that name',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'there is a file in its path',
  EROFS: 'its file system is read-only',
}

function reasonOf(error: unknown): string {
  return reasons[codeOf(error) ?? ''] ?? (error instanceof Error ? error.message : String(error))
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
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
