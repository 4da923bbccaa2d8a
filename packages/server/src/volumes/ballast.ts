import { randomFillSync } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import { errorCode, isMissing } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'
import { syncFolder } from './staging.ts'

/**
 * A file that only takes up space. When tasks have filled the disk it is given up, so that the database can still
 * write down how they ended; once there is space again it is made anew.
 */
export interface Ballast {
  /** Gives the space back to the disk. */
  release(): Promise<void>
  /** Takes the space again if there is plenty of it (twice the size); tells whether the ballast is there now. */
  restore(): Promise<boolean>
  readonly isReleased: boolean
}

/** Opens the ballast in the data folder and makes it if it is not there. A full disk leaves it released. */
export async function openBallast(dataDir: string, sizeBytes: number = limits.ballastBytes): Promise<Ballast> {
  const path = join(dataDir, 'ballast')
  let isReleased = !(await isWhole(path, sizeBytes))
  const ballast: Ballast = {
    get isReleased() {
      return isReleased
    },
    async release() {
      isReleased = true
      await rm(path, { force: true })
    },
    async restore() {
      if (!isReleased) return true
      if ((await freeBytes(dataDir)) < 2 * sizeBytes) return false
      isReleased = !(await make(dataDir, path, sizeBytes))
      return !isReleased
    },
  }
  await ballast.restore()
  return ballast
}

/** What can still be written to the disk that holds a folder, in bytes; less what is kept back for root. */
export async function freeBytes(dir: string): Promise<number> {
  const disk = await statfs(dir)
  return disk.bavail * disk.bsize
}

async function isWhole(path: string, sizeBytes: number): Promise<boolean> {
  try {
    const stats = await stat(path)
    return stats.size === sizeBytes && stats.blocks * 512 >= sizeBytes
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Returns false if the disk is too full. */
async function make(dataDir: string, path: string, sizeBytes: number): Promise<boolean> {
  const unfinished = `${path}.new`
  const file = await open(unfinished, 'w', 0o600)
  try {
    await fill(file, sizeBytes)
    await rename(unfinished, path)
    await syncFolder(dataDir)
    return true
  } catch (error) {
    await rm(unfinished, { force: true })
    const code = errorCode(error)
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error
    return false
  } finally {
    await file.close()
  }
}

/** Random bytes: a disk that compresses or shares equal blocks would give no space back for zeros. */
async function fill(file: FileHandle, sizeBytes: number): Promise<void> {
  const chunk = Buffer.alloc(Math.min(sizeBytes, 1024 * 1024))
  for (let left = sizeBytes; left > 0; left -= chunk.length) {
    await file.writeFile(randomFillSync(chunk).subarray(0, left))
  }
  await file.sync()
}
