import { randomUUID } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { copyFile, type FileHandle, lstat, mkdir, readlink, rename, rm, symlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'

import { fileError, isMissing } from '../lib/file-error.ts'
import { fdPath, openBeneath, openFileAt, parseRelativePath, pinBeneath, withParent } from '../lib/safe-path.ts'
import { flushTree } from './flush-tree.ts'
import { makeFolder } from './folder.ts'
import { stagingBeside } from './staging.ts'
import { entryPath, pathText, type TreeEntry, walk } from './walk.ts'

export interface CopyOptions {
  /** Hears of the bytes that are about to be added; what it throws ends the copying. */
  admit(sizeBytes: number): void
  /** Asked between files: whether to stop here, for the caller to go on with later. */
  isOver(): boolean
  signal: AbortSignal
}

export interface Copied {
  files: number
  sizeBytes: number
  equal: number
  complete: boolean
}

interface Copying extends CopyOptions {
  target: string
  sum: Copied
}

/**
 * Copies a file, or what is in a folder, from one tree to a place in another (or the same): beside what is there, each
 * file appearing whole, and sharing its blocks with the old one where the file system can. Files that are there with
 * the same size and time are passed over, so what was stopped or cut goes on where it was. Links are copied as links.
 */
export async function copyTree(
  source: { root: string; path: string },
  target: { root: string; path: string },
  options: CopyOptions,
): Promise<Copied> {
  parseRelativePath(target.path)
  const copying: Copying = {
    ...options,
    target: target.root,
    sum: { files: 0, sizeBytes: 0, equal: 0, complete: true },
  }
  await mkdir(stagingBeside(target.root), { recursive: true, mode: 0o700 })
  const found = await pinBeneath(source.root, source.path, { followLast: true })
  try {
    const stats = await found.stat()
    if (stats.isDirectory()) await copyFolder(found, target.path, copying)
    else {
      const file = await openBeneath(source.root, source.path, constants.O_RDONLY)
      await copyOpened(file, target.path, copying)
    }
  } finally {
    await found.close()
  }
  if (copying.sum.files > 0) await flushTree(target.root)
  return copying.sum
}

async function copyFolder(from: FileHandle, to: string, copying: Copying): Promise<void> {
  if (to !== '') await makeFolder(copying.target, to)
  for await (const entry of walk(from, { recursive: true, signal: copying.signal })) {
    if (copying.isOver()) {
      copying.sum.complete = false
      return
    }
    const path = (to === '' ? '' : `${to}/`) + pathText(entry.path)
    if (entry.stats.isDirectory()) await makeFolder(copying.target, path)
    else if (entry.stats.isSymbolicLink()) await copyLink(entry, path, copying)
    else if (entry.stats.isFile()) {
      const file = await openFileAt(entryPath(entry))
      if (file) await copyOpened(file, path, copying)
    }
  }
}

/** Closes the file. */
async function copyOpened(file: FileHandle, to: string, copying: Copying): Promise<void> {
  const { sum, target } = copying
  try {
    const stats = await file.stat()
    if (await isEqual(target, to, stats)) {
      sum.equal += 1
      return
    }
    copying.admit(sum.sizeBytes + stats.size)
    const unfinished = join(stagingBeside(target), randomUUID())
    try {
      await copyFile(fdPath(file), unfinished, constants.COPYFILE_FICLONE)
      await utimes(unfinished, stats.atimeMs / 1000, stats.mtimeMs / 1000)
      await withParent(target, to, { create: true }, (parent, name) => rename(unfinished, parent.at(name)))
    } finally {
      await rm(unfinished, { force: true })
    }
    sum.files += 1
    sum.sizeBytes += stats.size
  } catch (error) {
    throw fileError(error, to)
  } finally {
    await file.close()
  }
}

async function isEqual(root: string, path: string, stats: Stats): Promise<boolean> {
  try {
    return await withParent(root, path, {}, async (parent, name) => {
      const there = await lstat(parent.at(name))
      return there.isFile() && there.size === stats.size && Math.abs(there.mtimeMs - stats.mtimeMs) < 1
    })
  } catch {
    // Whatever is in the way is told of when the file is put there.
    return false
  }
}

/** One that is there stays: links have no content to compare. */
async function copyLink(entry: TreeEntry, to: string, { target }: Copying): Promise<void> {
  try {
    const text = await readlink(entryPath(entry), 'buffer')
    await withParent(target, to, { create: true }, (parent, name) => symlink(text, parent.at(name)).catch(ignoreThere))
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

function ignoreThere(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
}
