import { isUtf8 } from 'node:buffer'
import type { Stats } from 'node:fs'
import { type FileHandle, lstat, opendir } from 'node:fs/promises'

import { isMissing, errorCode } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'
import { fdPath, pinFolder } from '../lib/safe-path.ts'

/**
 * Walking through trees that running tasks may change meanwhile. Names are bytes on Linux, not text: inside the
 * walk each is held as the string whose characters are its bytes (latin1), which also sorts as bytes do.
 */

/** One file, folder, link or other thing met on a walk. */
export interface TreeEntry {
  /** From where the walk began, as bytes. */
  path: string
  /** Last part of `path`. */
  name: string
  /** Of the thing itself: links are not followed. */
  stats: Stats
  /** The folder that holds it. Open until the walk goes on. */
  parent: FileHandle
}

export interface WalkOptions {
  /** Also what is in the folders, each right after the folder itself. */
  recursive: boolean
  /** Begins after this path (as bytes), whether or not it is still there. Not together with `byPath`. */
  after?: string
  /**
   * In the order of whole paths, in which `a.b` comes before `a/b`: what is in a folder comes after what is beside it
   * and sorts before its name and a slash.
   */
  byPath?: boolean
  /** Names of one folder kept in memory at a time; see `limits.walkNames`. */
  namesAtOnce?: number
  signal?: AbortSignal
}

/**
 * Goes through a folder in the order of names, compared part by part. What vanishes meanwhile is left out, and so is
 * what lies in folders that cannot be read or that are nested deeper than `limits.pathDepth`. Links are met, never
 * followed. The caller closes `start`.
 */
export async function* walk(start: FileHandle, options: WalkOptions): AsyncGenerator<TreeEntry> {
  const levels = await resume(start, options)
  try {
    for (let level = levels.at(-1); level; level = levels.at(-1)) {
      options.signal?.throwIfAborted()
      level.next ??= await level.entries.next()
      const { next } = level
      const folder = level.waiting.at(-1)
      if (folder && (next.done || !options.byPath || `${folder.name}/` < next.value.name)) {
        level.waiting.pop()
        const below = await enter(level.folder, folder.name, `${folder.path}/`, '', options)
        if (below) levels.push(below)
        continue
      }
      level.next = undefined
      if (next.done) {
        levels.pop()
        if (level.folder !== start) await level.folder.close()
        continue
      }
      yield next.value
      const goesOn = options.recursive && levels.length < limits.pathDepth
      if (goesOn && next.value.stats.isDirectory()) level.waiting.push(next.value)
    }
  } finally {
    for (const level of levels) if (level.folder !== start) await level.folder.close()
  }
}

/** The path of an entry for a call to the file system, good while its parent is open. */
export function entryPath(entry: Pick<TreeEntry, 'parent' | 'name'>): Buffer {
  return Buffer.from(`${fdPath(entry.parent)}/${entry.name}`, 'latin1')
}

/**
 * The bytes of a path as text. Bytes that are no UTF-8, control characters and backslashes become `\xNN`: no two
 * paths look alike, and none that looks so can be asked for.
 */
export function pathText(bytes: string): string {
  const buffer = Buffer.from(bytes, 'latin1')
  if (isUtf8(buffer)) return buffer.toString('utf8').replaceAll(/[\p{Cc}\\]/gu, (found) => escape(Buffer.from(found)))
  return bytes.replaceAll(/[^ -[\]-~]/g, (found) => escape(Buffer.from(found, 'latin1')))
}

/** The other way round. */
export function pathBytes(text: string): string {
  const bytes = Buffer.from(text).toString('latin1')
  return bytes.replaceAll(/\\x([0-9a-f]{2})/g, (_found, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

interface Level {
  folder: FileHandle
  entries: AsyncGenerator<TreeEntry>
  /** Read, and not yet met. */
  next: IteratorResult<TreeEntry, void> | undefined
  /** Folders whose turn has not come, the next one last: each name begins with the one before it. */
  waiting: TreeEntry[]
}

const levelOf = (folder: FileHandle, entries: AsyncGenerator<TreeEntry>): Level => ({
  folder,
  entries,
  next: undefined,
  waiting: [],
})

/** How many entries are asked for their `stat` at a time: enough to keep the thread pool of Node busy. */
const batchSize = 32

function escape(bytes: Buffer): string {
  return bytes.toString('hex').replaceAll(/../g, String.raw`\x$&`)
}

/** The levels as they were when `after` was met: each folder on the way down, gone through up to there. */
async function resume(start: FileHandle, options: WalkOptions): Promise<Level[]> {
  const [first = '', ...rest] = (options.after ?? '').split('/')
  const levels: Level[] = [levelOf(start, entriesOf(start, '', first, options))]
  if (first === '' || !options.recursive) return levels
  let name = first
  let prefix = ''
  for (const next of [...rest, '']) {
    const parent = levels.at(-1)?.folder ?? start
    prefix += `${name}/`
    const level = levels.length < limits.pathDepth ? await enter(parent, name, prefix, next, options) : undefined
    if (!level) break
    levels.push(level)
    name = next
  }
  return levels
}

async function enter(
  parent: FileHandle,
  name: string,
  prefix: string,
  after: string,
  options: WalkOptions,
): Promise<Level | undefined> {
  try {
    const folder = await pinFolder(entryPath({ parent, name }))
    return levelOf(folder, entriesOf(folder, prefix, after, options))
  } catch (error) {
    if (isUnreachable(error)) return undefined
    throw error
  }
}

async function* entriesOf(folder: FileHandle, prefix: string, after: string, options: WalkOptions) {
  const { namesAtOnce = limits.walkNames } = options
  let last = after
  for (;;) {
    const names = await nextNames(folder, last, namesAtOnce)
    for (let from = 0; from < names.length; from += batchSize) {
      const batch = names.slice(from, from + batchSize).map((name) => look(folder, prefix, name))
      for (const entry of await Promise.all(batch)) if (entry) yield entry
    }
    if (names.length < namesAtOnce) return
    last = names.at(-1) ?? last
  }
}

/** The names after `after`, sorted; only the first `count` of them. */
async function nextNames(folder: FileHandle, after: string, count: number): Promise<string[]> {
  let names: string[] = []
  let bound: string | undefined
  const keepSmallest = () => {
    names = names.sort().slice(0, count)
    if (names.length === count) bound = names.at(-1)
  }
  try {
    // Node takes this encoding and answers with Buffers; its types do not say so.
    const entries = await opendir(fdPath(folder), { encoding: 'buffer' as BufferEncoding, bufferSize: 512 })
    for await (const entry of entries) {
      const name = (entry.name as unknown as Buffer).toString('latin1')
      if (name <= after || (bound !== undefined && name > bound)) continue
      names.push(name)
      if (names.length >= 2 * count) keepSmallest()
    }
  } catch (error) {
    if (!isUnreachable(error)) throw error
  }
  keepSmallest()
  return names
}

async function look(parent: FileHandle, prefix: string, name: string): Promise<TreeEntry | undefined> {
  try {
    return { path: prefix + name, name, stats: await lstat(entryPath({ parent, name })), parent }
  } catch (error) {
    if (isUnreachable(error)) return undefined
    throw error
  }
}

function isUnreachable(error: unknown): boolean {
  return isMissing(error) || ['EACCES', 'EPERM', 'ELOOP', 'ESTALE'].includes(errorCode(error) ?? '')
}
