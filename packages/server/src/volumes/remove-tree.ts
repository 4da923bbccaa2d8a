import { randomUUID } from 'node:crypto'
import { chmod, type FileHandle, lstat, opendir, rename, rmdir, unlink } from 'node:fs/promises'

import { assert } from '../lib/assert.ts'
import { errorCode, isMissing } from '../lib/file-error.ts'
import { fdPath, pinFolder } from '../lib/safe-path.ts'

/**
 * Removes a file, a link or a whole tree; what is not there is fine. Links are removed, never followed. Folders whose
 * permissions are in the way are opened up first. Copes with any number of files, with any depth, and with a task
 * that still writes into the tree (as long as it does not outrun the removal).
 */
export async function removeTree(path: string, signal?: AbortSignal): Promise<void> {
  try {
    const stats = await lstat(path)
    if (stats.isDirectory()) await removeFolderTree(path, signal)
    else await unlink(path)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

interface Removal {
  top: FileHandle
  signal: AbortSignal | undefined
}

/** Each level holds a folder open. What lies deeper is moved up to the top, where its turn comes. */
const deepest = 64

/** How many files are unlinked at a time: enough for the thread pool of Node, which others use as well. */
const batchSize = 32

/** Times the tree is gone through again because of what was moved to its top or put into it meanwhile. */
const rounds = 10_000

async function removeFolderTree(path: string, signal: AbortSignal | undefined): Promise<void> {
  const top = await pinFolder(path)
  try {
    for (let round = 0; (await emptyFolder({ top, signal }, top, 0)) > 0; round++) {
      assert(round < rounds, 'something still writes into a tree that is being removed')
    }
  } finally {
    await top.close()
  }
  await rmdir(path)
}

/** Returns how many entries it met. */
async function emptyFolder(removal: Removal, folder: FileHandle, depth: number): Promise<number> {
  let met = 0
  let batch: Promise<unknown>[] = []
  for await (const [name, isFolder] of entriesOf(folder)) {
    removal.signal?.throwIfAborted()
    met++
    if (isFolder) {
      await removeFolder(removal, folder, name, depth)
      continue
    }
    batch.push(permitted(folder, () => unlink(at(folder, name))))
    if (batch.length < batchSize) continue
    await Promise.all(batch)
    batch = []
  }
  await Promise.all(batch)
  return met
}

async function* entriesOf(folder: FileHandle): AsyncGenerator<[Buffer, boolean]> {
  const open = () => opendir(fdPath(folder), { encoding: 'buffer' as BufferEncoding, bufferSize: 512 })
  const entries = await open().catch(async (error: unknown) => {
    if (errorCode(error) !== 'EACCES') throw error
    await chmod(fdPath(folder), 0o700)
    return open()
  })
  for await (const entry of entries) yield [entry.name as unknown as Buffer, entry.isDirectory()]
}

function at(folder: FileHandle, name: Buffer | string): Buffer {
  return Buffer.concat([Buffer.from(`${fdPath(folder)}/`), typeof name === 'string' ? Buffer.from(name) : name])
}

async function removeFolder(removal: Removal, parent: FileHandle, name: Buffer, depth: number): Promise<void> {
  const path = at(parent, name)
  const folder = await permitted(parent, () => pinFolder(path))
  if (!folder) return
  try {
    if (depth >= deepest) {
      // Moving a folder needs the right to write into it, since its `..` changes.
      await permitted(folder, () => rename(path, at(removal.top, `.deep-${randomUUID()}`)))
      return
    }
    await emptyFolder(removal, folder, depth + 1)
  } finally {
    await folder.close()
  }
  await permitted(parent, () => rmdir(path))
}

/** What another round takes care of: gone, replaced by something else, or something was put into it just now. */
const passing = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENOTEMPTY'])

/** Does something that needs the right to use a folder; takes that right if it is missing. */
async function permitted<T>(folder: FileHandle, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    const code = errorCode(error) ?? ''
    if (passing.has(code)) return undefined
    if (code !== 'EACCES' && code !== 'EPERM') throw error
  }
  await chmod(fdPath(folder), 0o700)
  return work()
}
