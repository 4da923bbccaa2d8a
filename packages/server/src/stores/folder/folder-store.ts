import { createHash, randomUUID } from 'node:crypto'
import { constants, type Dirent } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Finding } from '@nabla/api/server'
import { blockBytes, isAligned } from '../../lib/aligned-memory.ts'
import { AppError } from '../../lib/app-error.ts'
import { errorCode, isMissing } from '../../lib/file-error.ts'
import {
  type ByteRange,
  checkKey,
  checkPrefix,
  checkRange,
  checkSize,
  type ObjectStore,
  type StoredObject,
  StoreError,
  tryOut,
} from '../store.ts'

/**
 * Objects as files of one folder. The file of the key `packs/abc` is `packs/+7f/abc`: one of 256 sub-folders, by a hash
 * of the last part, since some file systems become slow with many files in one folder. No part of a key begins with
 * `+`, so no two keys meet.
 *
 * What is being written lies in `+new` until it is whole and on the disk. It is cleared before the first object is
 * written, so one process at a time may write; any number may read, also where the folder is read-only.
 */
export function openFolderStore(dir: string): ObjectStore {
  const newDir = join(dir, '+new')
  let prepared: Promise<void> | undefined
  const prepare = async () => {
    try {
      await rm(newDir, { recursive: true, force: true })
      await makeFolder(newDir)
    } catch (error) {
      prepared = undefined
      throw error
    }
  }
  const pathOf = (key: string) => {
    checkKey(key)
    return join(dir, dirname(key), shardOf(basename(key)), basename(key))
  }
  const store: Omit<ObjectStore, 'check'> = {
    place: dir,
    async put(key, bytes, signal) {
      const path = pathOf(key)
      checkSize(key, bytes.length)
      signal?.throwIfAborted()
      const unfinished = join(newDir, randomUUID())
      try {
        prepared ??= prepare()
        await prepared
        await writeSynced(unfinished, bytes, signal)
        await makeFolder(dirname(path))
        await rename(unfinished, path)
        await syncFolder(dirname(path))
      } catch (error) {
        await rm(unfinished, { force: true }).catch(() => undefined)
        signal?.throwIfAborted()
        throw asAppError(error)
      }
    },
    async get(key, range, signal, memory) {
      const path = pathOf(key)
      if (range) checkRange(range)
      signal?.throwIfAborted()
      let file: FileHandle | undefined
      try {
        file = await open(path, 'r')
        return await read(file, { key, range, signal, memory })
      } catch (error) {
        if (isMissing(error)) throw new StoreError('missing', key)
        signal?.throwIfAborted()
        throw error instanceof StoreError ? error : asAppError(error)
      } finally {
        await file?.close()
      }
    },
    async *list(prefix, signal) {
      checkPrefix(prefix)
      const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
      for await (const object of objectsBelow(dir, folder, signal)) if (object.key.startsWith(prefix)) yield object
    },
    async remove(key) {
      try {
        await rm(pathOf(key))
      } catch (error) {
        if (!isMissing(error)) throw asAppError(error)
      }
    },
  }
  return { ...store, check: () => check(store) }
}

async function check(store: Omit<ObjectStore, 'check'>): Promise<Finding[]> {
  const topic = 'object store'
  try {
    await tryOut(store)
    return [{ level: 'ok', topic, message: `The folder ${store.place} can be written and read.` }]
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const message = `The folder ${store.place} does not work: ${reason}`
    return [{ level: 'problem', topic, message, hint: 'Check its permissions and its disk.' }]
  }
}

const shardOf = (name: string): string => `+${createHash('sha256').update(name).digest('hex').slice(0, 2)}`

/** What is read or written between two looks at the signal. */
const stepBytes = 4 * 1024 * 1024

/** Writes a file that is not there yet, so that a power cut does not undo it. */
async function writeSynced(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
  const done = isAligned(bytes) ? await writeDirect(path, bytes, signal) : 0
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o600)
  try {
    await writeFrom(file, bytes, done, bytes.length, signal)
    await file.sync()
  } finally {
    await file.close()
  }
  signal?.throwIfAborted()
}

/**
 * Writes the whole blocks of `bytes` past the page cache: to fill that and have it flushed takes several times as long
 * as what the disk does. Answers how many bytes those are; none where the file system cannot do it.
 */
async function writeDirect(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<number> {
  const whole = bytes.length - (bytes.length % blockBytes)
  let file: FileHandle | undefined
  try {
    file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_DIRECT, 0o600)
    await writeFrom(file, bytes, 0, whole, signal)
    return whole
  } catch (error) {
    if (errorCode(error) !== 'EINVAL') throw error
    return 0
  } finally {
    await file?.close()
  }
}

async function writeFrom(
  file: FileHandle,
  bytes: Uint8Array,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let at = from; at < to;) {
    signal?.throwIfAborted()
    at += (await file.write(bytes, at, Math.min(stepBytes, to - at), at)).bytesWritten
  }
}

interface Reading {
  key: string
  range: ByteRange | undefined
  signal: AbortSignal | undefined
  memory: Buffer | undefined
}

async function read(file: FileHandle, { key, range, signal, memory }: Reading): Promise<Buffer> {
  const { size } = await file.stat()
  const { start, length } = range ?? { start: 0, length: size }
  if (start + length > size) throw new StoreError('short', key)
  const bytes = memory && memory.length >= length ? memory.subarray(0, length) : Buffer.allocUnsafeSlow(length)
  for (let at = 0; at < length;) {
    signal?.throwIfAborted()
    const { bytesRead } = await file.read(bytes, at, Math.min(stepBytes, length - at), start + at)
    if (bytesRead === 0) throw new StoreError('short', key)
    at += bytesRead
  }
  return bytes
}

/** Objects with keys that begin with `folder`, which is empty or ends with a slash. */
async function* objectsBelow(dir: string, folder: string, signal?: AbortSignal): AsyncGenerator<StoredObject> {
  for (const entry of await entriesOf(join(dir, folder))) {
    signal?.throwIfAborted()
    if (!entry.isDirectory() || entry.name === '+new') continue
    if (!entry.name.startsWith('+')) yield* objectsBelow(dir, `${folder}${entry.name}/`, signal)
    else yield* objectsOfShard(join(dir, folder, entry.name), folder, signal)
  }
}

async function* objectsOfShard(shard: string, folder: string, signal?: AbortSignal): AsyncGenerator<StoredObject> {
  for (const entry of await entriesOf(shard)) {
    signal?.throwIfAborted()
    const stats = await stat(join(shard, entry.name)).catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw asAppError(error)
    })
    if (stats) yield { key: folder + entry.name, sizeBytes: stats.size, modifiedAt: stats.mtimeMs }
  }
}

async function entriesOf(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    if (isMissing(error)) return []
    throw asAppError(error)
  }
}

/** Makes a folder, parents included, so that it survives a power cut. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Errors of the disk are the operator's to solve; anything else is a bug and stays as it is. */
function asAppError(error: unknown): unknown {
  const code = errorCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') return new AppError('disk_full')
  if (code === undefined || !(error instanceof Error)) return error
  return new AppError('store_unavailable', { reason: error.message })
}
