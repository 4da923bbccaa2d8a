import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { isMissing } from '../lib/file-error.ts'
import { removeTree } from './remove-tree.ts'

/**
 * Next to every tree of files lie two folders on the same disk, so that a rename moves things in and out at once:
 * `.staging` for what is not complete yet and `.trash` for what is being deleted. Nothing in them is worth keeping:
 * after a crash the store empties both (`VolumeStore.sweep`).
 */

export function stagingBeside(dir: string): string {
  return join(dirname(dir), '.staging')
}

export function trashBeside(dir: string): string {
  return join(dirname(dir), '.trash')
}

/** Calls `use` with a new folder in the staging folder beside `dir`, and removes it afterwards. */
export async function inStaging<T>(dir: string, use: (staging: string) => Promise<T>): Promise<T> {
  const staging = join(stagingBeside(dir), randomUUID())
  await mkdir(staging, { recursive: true, mode: 0o700 })
  try {
    return await use(staging)
  } finally {
    await removeTree(staging)
  }
}

/** Moves something out of a tree at once; what comes back is where it lies now, to be given to `removeTree`. */
export async function moveToTrash(path: string, tree: string): Promise<string> {
  const trash = trashBeside(tree)
  await mkdir(trash, { recursive: true, mode: 0o700 })
  const moved = join(trash, `${randomUUID()}-${basename(path).slice(0, 40)}`)
  await rename(path, moved)
  return moved
}

/** Removes what is in a folder now; what comes later stays. */
export async function emptyFolder(folder: string, signal?: AbortSignal): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
  for (const name of names) await removeTree(join(folder, name), signal)
}

/** Makes what was created, renamed or removed in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
