import { statfsSync } from 'node:fs'

/**
 * File systems of Linux whose folders change their times whenever a name in them comes or goes, by the number that
 * statfs(2) calls them by. Of others, such as those of networks and of FUSE, that is not known.
 */
const known = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0xf2f52010, // F2FS
  0x2fc12fc1, // ZFS
  0x01021994, // tmpfs
  0x794c7630, // overlayfs
])

/** Whether an unchanged time of a folder here tells that it still holds the same names. */
export function keepsFolderTimes(folder: string): boolean {
  try {
    return process.platform === 'linux' && known.has(statfsSync(folder).type)
  } catch {
    return false
  }
}
