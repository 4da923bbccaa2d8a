import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

import { AppError } from '../lib/app-error.ts'
import { fileError } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'
import { fdPath, parseRelativePath, resolveBeneath, withParent } from '../lib/safe-path.ts'
import { ByteReader } from './byte-reader.ts'
import { flushTree } from './flush-tree.ts'
import { inStaging, syncFolder } from './staging.ts'
import { type Member, readTar } from './tar-reader.ts'

export interface Received {
  files: number
  sizeBytes: number
}

/**
 * Writes the files of a tar into a folder beneath `root` that others write to as well. They are received beside the
 * tree, synced to the disk many at a time, and renamed to their places: each appears whole. When it breaks off, those
 * that were in place stay. Folders are made; links and all else are refused, since nobody vouches for where they lead.
 * `admit` hears of the bytes so far, and ends it with what it throws. Throws `bad_archive`, `bad_path`, `disk_full`,
 * `conflict`.
 */
export async function receiveTar(
  root: string,
  relative: string,
  source: Readable,
  admit: (sizeBytes: number) => void,
): Promise<Received> {
  source.on('error', () => {})
  parseRelativePath(relative)
  return inStaging(root, async (staging) => {
    const batch: Batch = { root, relative, staging, waiting: new Map(), bytes: 0 }
    const sum: Received = { files: 0, sizeBytes: 0 }
    for await (const member of readTar(new ByteReader(intact(source)))) {
      const path = pathOf(member)
      if (member.type === 'folder') await makeFolder(batch, path)
      else if (member.type === 'file') {
        const size = await receiveFile(batch, path, member, (bytes) => admit(sum.sizeBytes + bytes))
        sum.files += 1
        sum.sizeBytes += size
      } else throw bad(`${path} is a link; only files and folders are taken`)
      if (batch.waiting.size >= limits.unpackBatchFiles || batch.bytes >= limits.unpackBatchBytes) await place(batch)
    }
    await place(batch)
    return sum
  })
}

interface Batch {
  root: string
  relative: string
  /** Where the files of this batch are received. */
  staging: string
  /** By path in the tree: the name in staging. */
  waiting: Map<string, string>
  bytes: number
}

const bad = (reason: string) => new AppError('bad_archive', { reason })

function pathOf(member: Member): string {
  const text = member.path.toString('utf8')
  if (!Buffer.from(text).equals(member.path)) throw bad('it holds a name that is not UTF-8')
  // As archives write it: `./a//b/` is `a/b`; a leading slash is refused below.
  const path = text
    .replaceAll(/(?<=^|\/)\.\//g, '')
    .replaceAll(/\/+/g, '/')
    .replace(/\/$/, '')
  return path === '.' ? '' : parseRelativePath(path)
}

const within = ({ relative }: Batch, path: string): string => [relative, path].filter((part) => part !== '').join('/')

async function makeFolder(batch: Batch, path: string): Promise<void> {
  await resolveBeneath(batch.root, parseRelativePath(within(batch, path)), { create: true }, async () => {})
}

async function receiveFile(
  batch: Batch,
  path: string,
  member: Member,
  admit: (sizeBytes: number) => void,
): Promise<number> {
  if (path === '') throw bad('it holds a file without a name')
  const name = randomUUID()
  let sizeBytes = 0
  try {
    const file = await open(join(batch.staging, name), 'wx', member.executable ? 0o755 : 0o644)
    try {
      for await (const chunk of member.content) {
        sizeBytes += chunk.length
        admit(sizeBytes)
        await file.writeFile(chunk)
      }
      await setTime(file, member)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw fileError(error, path)
  }
  batch.waiting.set(path, name)
  batch.bytes += sizeBytes
  return sizeBytes
}

async function setTime(file: FileHandle, { modifiedMs }: Member): Promise<void> {
  if (modifiedMs === undefined || !Number.isFinite(modifiedMs) || modifiedMs < 0) return
  await file.utimes(modifiedMs / 1000, modifiedMs / 1000)
}

/** Syncs what waits, and renames it to its places. */
async function place(batch: Batch): Promise<void> {
  if (batch.waiting.size === 0) return
  await flushTree(batch.staging)
  const folders = new Map<string, [string, string][]>()
  for (const [path, name] of batch.waiting) {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    folders.set(folder, [...(folders.get(folder) ?? []), [path, name]])
  }
  for (const files of folders.values()) await placeInFolder(batch, files)
  batch.waiting.clear()
  batch.bytes = 0
  await mkdir(batch.staging, { recursive: true, mode: 0o700 })
}

async function placeInFolder(batch: Batch, files: readonly [path: string, name: string][]): Promise<void> {
  const first = files[0]?.[0] ?? ''
  await withParent(batch.root, within(batch, first), { create: true }, async (parent) => {
    for (const [path, name] of files) {
      const last = path.slice(path.lastIndexOf('/') + 1)
      await rename(join(batch.staging, name), parent.at(last)).catch((error: unknown) => {
        throw fileError(error, within(batch, path))
      })
    }
    await syncFolder(fdPath(parent.handle))
  })
}

async function* intact(source: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    if (error instanceof AppError) throw error
    throw bad('it broke off while it was sent')
  }
}
