import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileSize, type TreeEntry } from '@nabla/api/tree-format'
import { AppError } from '../lib/app-error.ts'
import { errorCode } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'
import { openBeneath, pinFolder } from '../lib/safe-path.ts'
import { walk } from '../volumes/walk.ts'

/**
 * How the files of a folder look from outside, as a text that is another one after any of them was written to, replaced,
 * added or removed: by names, inodes, sizes and times of change. Null when there are more than `limits.treePrintEntries`.
 */
export async function treePrint(folder: string): Promise<string | null> {
  const hash = createHash('sha256')
  let things = 0
  for await (const { path, stats } of walkOf(folder)) {
    if (++things > limits.treePrintEntries) return null
    const { ino, size, mtimeMs, ctimeMs } = stats
    hash.update(stats.isDirectory() ? `${path}\0` : `${path}\0${ino} ${size} ${mtimeMs} ${ctimeMs}\0`)
  }
  return hash.digest('hex')
}

/** Whether a folder holds exactly these files and links, by their contents and whether they can be executed. */
export async function holdsTree(folder: string, entries: AsyncIterable<TreeEntry>): Promise<boolean> {
  const known = new Set<string>()
  for await (const entry of entries) {
    known.add(Buffer.from(entry.path).toString('latin1'))
    if (!(await isAsSaid(folder, entry))) return false
  }
  for await (const { path, stats } of walkOf(folder)) if (!stats.isDirectory() && !known.has(path)) return false
  return true
}

async function* walkOf(folder: string): ReturnType<typeof walk> {
  const root = await pinFolder(folder)
  try {
    yield* walk(root, { recursive: true })
  } finally {
    await root.close()
  }
}

async function isAsSaid(folder: string, entry: TreeEntry): Promise<boolean> {
  if (entry.type === 'folder') return true
  try {
    if (entry.type === 'link') return (await readlink(join(folder, entry.path))) === entry.target
    return await holdsChunks(folder, entry)
  } catch (error) {
    if (error instanceof AppError || ['ENOENT', 'EINVAL', 'ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? ''))
      return false
    throw error
  }
}

type FileEntry = Extract<TreeEntry, { type: 'file' }>

async function holdsChunks(folder: string, { path, chunks, executable }: FileEntry): Promise<boolean> {
  const file = await openBeneath(folder, path, constants.O_RDONLY)
  try {
    const stats = await file.stat()
    if (!stats.isFile() || stats.size !== fileSize(chunks)) return false
    if (((stats.mode & constants.S_IXUSR) !== 0) !== executable) return false
    const bytes = Buffer.allocUnsafe(Math.max(0, ...chunks.map(([, sizeBytes]) => sizeBytes)))
    let position = 0
    for (const [hash, sizeBytes] of chunks) {
      const { bytesRead } = await file.read(bytes, 0, sizeBytes, position)
      const found = createHash('sha256').update(bytes.subarray(0, bytesRead)).digest('hex')
      if (bytesRead !== sizeBytes || found !== hash) return false
      position += sizeBytes
    }
    return true
  } finally {
    await file.close()
  }
}
