import type { BigIntStats } from 'node:fs'

/** What tells that a file is the one that it was. Times in nanoseconds since 1970. */
export interface Stamp {
  sizeBytes: number
  mtimeNs: bigint
  ctimeNs: bigint
  inode: bigint
}

/** What tells this state of a file from others. */
export function stampOf(stats: BigIntStats): Stamp {
  return { sizeBytes: Number(stats.size), mtimeNs: stats.mtimeNs, ctimeNs: stats.ctimeNs, inode: stats.ino }
}

export function sameStamp(one: Stamp, other: Stamp): boolean {
  return (
    one.sizeBytes === other.sizeBytes &&
    one.mtimeNs === other.mtimeNs &&
    one.ctimeNs === other.ctimeNs &&
    one.inode === other.inode
  )
}
