import { type FileHandle, rename } from 'node:fs/promises'

import { AppError } from '../lib/app-error.ts'
import { errorCode, fileError } from '../lib/file-error.ts'
import { fdPath, parseRelativePath, pinBeneath, withParent } from '../lib/safe-path.ts'
import { syncFolder } from './staging.ts'

/**
 * Moves a file, a link (not what it leads to) or a folder within a tree, in one step; the folders above its new place
 * are made. A file that is there is replaced only with `overwrite`, a folder that is not empty never: `conflict`.
 */
export async function move(root: string, from: string, to: string, options: { overwrite?: boolean }): Promise<void> {
  parseRelativePath(to)
  if (to === from) return
  if (to.startsWith(`${from}/`)) throw new AppError('bad_path', { path: to, reason: 'it lies in what is to be moved' })
  await withParent(root, from, {}, async (source, name) => {
    const found = await pinBeneath(fdPath(source.handle), name, { followLast: false })
    await found.close()
    await withParent(root, to, { create: true }, async (target, newName) => {
      const present = await look(fdPath(target.handle), newName)
      if (present === 'other' && !options.overwrite) {
        throw new AppError('conflict', { detail: `There is something at ${to} already.` })
      }
      await rename(source.at(name), target.at(newName)).catch((error: unknown) => {
        throw moveError(error, to)
      })
      await syncFolder(fdPath(target.handle))
    })
    await syncFolder(fdPath(source.handle))
  })
}

async function look(folder: string, name: string): Promise<'nothing' | 'folder' | 'other'> {
  let found: FileHandle | undefined
  try {
    found = await pinBeneath(folder, name, { followLast: false })
    return (await found.stat()).isDirectory() ? 'folder' : 'other'
  } catch (error) {
    if (error instanceof AppError && error.code === 'file_not_found') return 'nothing'
    throw error
  } finally {
    await found?.close()
  }
}

function moveError(error: unknown, to: string): unknown {
  switch (errorCode(error)) {
    case 'EINVAL':
      return new AppError('bad_path', { path: to, reason: 'it lies in what is to be moved' })
    case 'EISDIR':
    case 'ENOTDIR':
      return new AppError('conflict', {
        detail: `At ${to} a folder would take the place of a file, or a file that of a folder.`,
      })
    case undefined:
    default:
      return fileError(error, to)
  }
}
