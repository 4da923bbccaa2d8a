import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readlink } from 'node:fs/promises'

import { AppError } from './app-error.ts'
import { assert } from './assert.ts'
import { errorCode, fileError, isMissing } from './file-error.ts'
import { limits } from './limits.ts'

/**
 * The one place where a path that a user named meets the file system. A running task may rename folders and swap
 * them for links at any moment, so nothing is checked first and used later: every step opens one name in a folder
 * that is held open, without following links; links are followed here, by hand, and never above the root.
 * Linux only: it uses O_PATH and /proc/self/fd, see open(2) and proc(5).
 */

/** A folder that is held open: its entries can be named without its own path being looked up again. */
export interface PinnedFolder {
  /** Path of an entry of this very folder, wherever it has been moved meanwhile. */
  at(name: string): string
  handle: FileHandle
}

/** From Linux's `fcntl.h`; Node does not list it. Names a file without opening it, so a device or pipe does nothing. */
const O_PATH = 0o10000000

/**
 * Checks a path that a user named and returns it unchanged. It is relative, its parts are joined by `/`, and what
 * arrives is taken literally: nothing is decoded, so `%2e%2e` and `a;b` are plain names. The empty text is the
 * folder itself. Throws `bad_path`.
 */
export function parseRelativePath(input: string): string {
  const reason = whyNot(input)
  if (reason !== undefined) throw new AppError('bad_path', { path: JSON.stringify(input.slice(0, 200)), reason })
  return input
}

/**
 * Opens a file or folder beneath `root`. Links are followed while they stay beneath it; with O_NOFOLLOW, not the
 * last one. With O_CREAT the last part must not be a link. Devices, pipes and sockets are refused without being
 * touched. Throws `bad_path`, `file_not_found`, `conflict`, `disk_full`.
 */
export async function openBeneath(root: string, relative: string, flags: number, mode = 0o644): Promise<FileHandle> {
  if (flags & constants.O_CREAT) {
    return withParent(root, relative, {}, (parent, name) => createIn(parent, name, relative, flags, mode))
  }
  const found = await pinBeneath(root, relative, { followLast: (flags & constants.O_NOFOLLOW) === 0 })
  try {
    return await reopen(found, flags, relative)
  } finally {
    await found.close()
  }
}

/**
 * Names what is at a path without opening it (the handle can be asked for its `stat`, no more).
 * The last part is followed if it is a link and `followLast` is set. The caller closes the handle.
 */
export async function pinBeneath(
  root: string,
  relative: string,
  options: { followLast: boolean },
): Promise<FileHandle> {
  return locate(root, parseRelativePath(relative), { followLast: options.followLast, makeFolders: false })
}

/**
 * Calls `use` with a folder beneath `root` held open, for work on its entries. With `create` it is made, parents
 * included, if it is not there. Errors of the file system from `use` become errors for the user.
 */
export async function resolveBeneath<T>(
  root: string,
  relative: string,
  options: { create?: boolean },
  use: (folder: PinnedFolder) => Promise<T>,
): Promise<T> {
  const how = { followLast: true, makeFolders: options.create ?? false }
  const handle = await locate(root, parseRelativePath(relative), how)
  try {
    const stats = await handle.stat()
    if (!stats.isDirectory()) throw new AppError('bad_path', { path: relative, reason: 'it is not a folder' })
    return await use({ at: (name) => `${fdPath(handle)}/${name}`, handle })
  } catch (error) {
    throw fileError(error, relative)
  } finally {
    await handle.close()
  }
}

/** As `resolveBeneath`, for the folder that holds the last part of the path, and the name of that part. */
export async function withParent<T>(
  root: string,
  relative: string,
  options: { create?: boolean },
  use: (parent: PinnedFolder, name: string) => Promise<T>,
): Promise<T> {
  const path = parseRelativePath(relative)
  if (path === '') throw new AppError('bad_path', { path: '""', reason: 'it names the folder itself' })
  const cut = path.lastIndexOf('/')
  try {
    return await resolveBeneath(root, path.slice(0, Math.max(cut, 0)), options, (parent) =>
      use(parent, path.slice(cut + 1)),
    )
  } catch (error) {
    // What failed is about the whole path, not about its parent.
    if (error instanceof AppError && 'path' in error.params) throw new AppError(error.code, { ...error.params, path })
    throw error
  }
}

/** The path under which the kernel shows an open file of this process: it leads to that file, whatever its name. */
export function fdPath(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`
}

/** Opens a folder found in another one, to walk on from it. Never follows a link. */
export async function pinFolder(path: string | Buffer): Promise<FileHandle> {
  return open(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW)
}

/** Opens a plain file met on a walk for reading. Undefined if it is gone, or something else by now. */
export async function openFileAt(path: string | Buffer): Promise<FileHandle | undefined> {
  let found: FileHandle | undefined
  try {
    found = await open(path, O_PATH | constants.O_NOFOLLOW)
    const stats = await found.stat()
    return stats.isFile() ? await open(fdPath(found), constants.O_RDONLY) : undefined
  } catch (error) {
    if (isMissing(error) || errorCode(error) === 'EACCES') return undefined
    throw error
  } finally {
    await found?.close()
  }
}

function whyNot(input: string): string | undefined {
  if (input === '') return undefined
  if (Buffer.byteLength(input) > limits.pathBytes) return `it is longer than ${limits.pathBytes} bytes`
  if (!input.isWellFormed()) return 'it is not valid Unicode'
  if (/\p{Cc}/u.test(input)) return 'it holds a control character'
  if (input.includes('\\')) return 'it holds a backslash'
  if (input.startsWith('/')) return 'it is absolute'
  const parts = input.split('/')
  if (parts.length > limits.pathDepth) return `it has more than ${limits.pathDepth} parts`
  for (const part of parts) {
    if (part === '') return 'it has an empty part'
    if (part === '.' || part === '..') return `it has the part ${part}`
    if (Buffer.byteLength(part) > limits.nameBytes) return `a name in it is longer than ${limits.nameBytes} bytes`
  }
  return undefined
}

interface How {
  followLast: boolean
  makeFolders: boolean
}

/** Walks down from the root one name at a time. The way down is kept open, so that `..` in a link only goes back up. */
async function locate(root: string, relative: string, how: How): Promise<FileHandle> {
  const way = [await open(root, O_PATH | constants.O_DIRECTORY)]
  let found: FileHandle | undefined
  try {
    found = await descend(way, relative, how)
    const top = way[0]
    assert(top, 'the way starts at the root')
    await checkBeneath(top, found, relative)
    const result = found
    found = undefined
    return result
  } catch (error) {
    throw fileError(error, relative)
  } finally {
    await found?.close()
    for (const handle of way) await handle.close()
  }
}

/** Returns a handle of its own, which is not on the `way`. */
async function descend(way: FileHandle[], relative: string, how: How): Promise<FileHandle> {
  const pending = relative.split('/').toReversed()
  let links = 0
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    const folder = way.at(-1)
    assert(folder, 'the way is never empty')
    if (part === '' || part === '.') continue
    if (part === '..') {
      if (way.length === 1) throw leadsOut(relative)
      await way.pop()?.close()
      continue
    }
    const next = await step(folder, part, how.makeFolders)
    way.push(next)
    const stats = await next.stat()
    if (stats.isDirectory()) {
      if (way.length > limits.pathDepth + 1) throw leadsOut(relative)
      continue
    }
    way.pop()
    const last = pending.length === 0
    if (!stats.isSymbolicLink() || (last && !how.followLast)) {
      if (last) return next
      await next.close()
      throw new AppError('bad_path', { path: relative, reason: 'a part of it is a file, not a folder' })
    }
    await next.close()
    if (++links > limits.linksFollowed) throw new AppError('bad_path', { path: relative, reason: 'its links go round' })
    const target = await readLink(folder, part)
    if (target.startsWith('/')) throw leadsOut(relative)
    pending.push(...target.split('/').toReversed())
  }
  const folder = way.at(-1)
  assert(folder, 'the way is never empty')
  return open(fdPath(folder), O_PATH | constants.O_DIRECTORY)
}

/** Where a link leads. When it has been replaced by something else meanwhile: its own name, to be looked at again. */
async function readLink(folder: FileHandle, name: string): Promise<string> {
  try {
    return await readlink(`${fdPath(folder)}/${name}`)
  } catch (error) {
    if (errorCode(error) === 'EINVAL') return name
    throw error
  }
}

async function step(folder: FileHandle, name: string, makeFolder: boolean): Promise<FileHandle> {
  const path = `${fdPath(folder)}/${name}`
  try {
    return await open(path, O_PATH | constants.O_NOFOLLOW)
  } catch (error) {
    if (!makeFolder || errorCode(error) !== 'ENOENT') throw error
  }
  await mkdir(path, 0o755).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error
  })
  return open(path, O_PATH | constants.O_NOFOLLOW)
}

/** A last look at what was opened: a folder on the way may have been moved out of the root while it was held. */
async function checkBeneath(root: FileHandle, found: FileHandle, relative: string): Promise<void> {
  const [rootPath, path] = await Promise.all([readlink(fdPath(root)), readlink(fdPath(found))])
  const prefix = rootPath.endsWith('/') ? rootPath : `${rootPath}/`
  if (path !== rootPath && !path.startsWith(prefix)) throw leadsOut(relative)
}

function leadsOut(path: string): AppError {
  return new AppError('bad_path', { path, reason: 'it leads out of the folder' })
}

/** Opens for use what was only named so far: the very same file, by way of its handle. */
async function reopen(found: FileHandle, flags: number, relative: string): Promise<FileHandle> {
  const stats = await found.stat()
  if (stats.isSymbolicLink()) throw new AppError('bad_path', { path: relative, reason: 'it is a link' })
  if (!stats.isFile() && !stats.isDirectory()) {
    throw new AppError('bad_path', { path: relative, reason: 'it is neither a file nor a folder' })
  }
  const { O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  return open(fdPath(found), flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)).catch((error: unknown) => {
    throw fileError(error, relative)
  })
}

async function createIn(parent: PinnedFolder, name: string, relative: string, flags: number, mode: number) {
  const exclusive = flags | constants.O_EXCL | constants.O_NOFOLLOW
  // Someone else may make or remove the file between the two looks: a few more rounds settle it.
  const rounds = flags & constants.O_EXCL ? 0 : 10
  for (let round = 0; round < rounds; round++) {
    try {
      const found = await open(parent.at(name), O_PATH | constants.O_NOFOLLOW)
      try {
        return await reopen(found, flags, relative)
      } finally {
        await found.close()
      }
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
    try {
      return await open(parent.at(name), exclusive, mode)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
    }
  }
  return open(parent.at(name), exclusive, mode)
}
