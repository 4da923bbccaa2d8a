import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { removeFolder, temporaryFolder, until } from './server-process.ts'

const MiB = 1024 * 1024

/** Whether a small disk of our own can be mounted: as root, where the kernel lets root do so. */
export function canMount(): boolean {
  if (process.getuid?.() !== 0) return false
  const script = 'd=$(mktemp -d) && mount -t tmpfs -o size=1m none "$d" && umount "$d"; code=$?; rmdir "$d"; exit $code'
  return spawnSync('sh', ['-c', script]).status === 0
}

/** A small disk; it is gone when the test is over. */
export function mountDisk(size: string): string {
  const disk = temporaryFolder()
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'none', disk])
  onTestFinished(async () => {
    await until(() => execFileSync('umount', [disk], { stdio: 'ignore' }))
    await removeFolder(disk)
  })
  return disk
}

/** Fills a disk until `leftMiB` are free; returns what empties it again. */
export function fillDisk(disk: string, leftMiB: number): () => void {
  const file = join(disk, 'filler')
  const part = randomBytes(MiB)
  try {
    while (freeOn(disk) > leftMiB * MiB) appendFileSync(file, part)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
  return () => rmSync(file, { force: true })
}

/** What is free on a disk, in bytes. */
function freeOn(disk: string): number {
  const { bavail, bsize } = statfsSync(disk)
  return bavail * bsize
}
