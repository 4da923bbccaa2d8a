import type { Stats } from 'node:fs'
import { limits } from '../limits.ts'

/**
 * What tells that a file or folder is the one that it was. Times in milliseconds since 1970: as numbers they tell apart
 * what is a quarter of a microsecond apart, and `isSettled` asks for far more than that.
 */
export interface Stamp {
  sizeBytes: number
  mtimeMs: number
  ctimeMs: number
  inode: number
}

/** What tells this state of a file from others. */
export function stampOf(stats: Stats): Stamp {
  return { sizeBytes: stats.size, mtimeMs: stats.mtimeMs, ctimeMs: stats.ctimeMs, inode: stats.ino }
}

export function sameStamp(one: Stamp, other: Stamp): boolean {
  return (
    one.sizeBytes === other.sizeBytes &&
    one.mtimeMs === other.mtimeMs &&
    one.ctimeMs === other.ctimeMs &&
    one.inode === other.inode
  )
}

/**
 * Whether a stamp tells every later change of what was read at `readAtMs`. What had changed a moment before may change
 * again within the same tick of the file system's clock (git calls such an entry racily clean). The time of the inode
 * is asked, since that of the contents may be set at will.
 */
export function isSettled(stamp: Stamp, readAtMs: number): boolean {
  const isCoarse = stamp.ctimeMs % 1000 === 0
  return stamp.ctimeMs < readAtMs - (isCoarse ? limits.racyCoarseMs : limits.racyMs)
}
