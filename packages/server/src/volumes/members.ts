import { isUtf8 } from 'node:buffer'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, readlink } from 'node:fs/promises'

import { AppError } from '../lib/app-error.ts'
import { openBeneath, openFileAt, parseRelativePath, pinBeneath, withParent } from '../lib/safe-path.ts'
import { entryPath, pathText, walk } from './walk.ts'

export interface PackOptions {
  /** Files, links and whole folders; everything if left out. */
  paths?: string[]
  /** Leaves out a path that is not there; otherwise it fails the stream at its start. */
  missingIsFine?: boolean
  /** Only files whose path matches; see `makeMatcher`. */
  matches?: (path: string) => boolean
  signal?: AbortSignal
}

/** What an archive says of a member. */
export type MemberStats = Pick<Stats, 'size' | 'mode' | 'mtimeMs'>

/** What an archive of a folder holds, one after the other. */
export type PackedMember =
  | { type: 'folder'; path: string; stats: MemberStats }
  /** `target` is valid UTF-8 and not empty. */
  | { type: 'link'; path: string; stats: MemberStats; target: string }
  /** `content` has exactly `stats.size` bytes, and can be read until the next member is asked for. */
  | { type: 'file'; path: string; stats: MemberStats; content: AsyncIterable<Buffer> }

/**
 * Goes through a folder that tasks may be writing to. Each file is as long as it was when its turn came: what grows is
 * cut off, what shrinks is filled up with zeros, what vanishes is left out. Links are given as links; devices, pipes
 * and sockets are left out; bytes that are no UTF-8 in names become `\xNN`.
 */
export async function* membersOf(root: string, options: PackOptions): AsyncGenerator<PackedMember> {
  for (const path of outermost(options.paths ?? [''])) {
    const found = await pin(root, path, options)
    if (!found) continue
    try {
      yield* named(root, path, found, options)
    } finally {
      await found.close()
    }
  }
}

const readSize = 256 * 1024

async function pin(root: string, path: string, options: PackOptions): Promise<FileHandle | undefined> {
  try {
    return await pinBeneath(root, path, { followLast: false })
  } catch (error) {
    if (options.missingIsFine && error instanceof AppError && error.code === 'file_not_found') return undefined
    throw error
  }
}

/** Paths without those that lie in another one of them, sorted. Throws `bad_path`. */
export function outermost(paths: string[]): string[] {
  const all = new Set(paths.map(parseRelativePath))
  if (all.has('')) return ['']
  const isBelow = (path: string) => {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      if (all.has(path.slice(0, slash))) return true
    }
    return false
  }
  return [...all].filter((path) => !isBelow(path)).sort()
}

async function* named(
  root: string,
  path: string,
  found: FileHandle,
  options: PackOptions,
): AsyncGenerator<PackedMember> {
  const stats = await found.stat()
  if (stats.isDirectory()) {
    if (path !== '' && !options.matches) yield { type: 'folder', path, stats }
    yield* tree(found, path === '' ? '' : `${path}/`, options)
    return
  }
  if (options.matches && !(stats.isFile() && options.matches(path))) return
  if (stats.isFile()) {
    yield* opened(path, await openBeneath(root, path, constants.O_RDONLY | constants.O_NOFOLLOW), options.signal)
  }
  if (stats.isSymbolicLink()) {
    const target = await withParent(root, path, {}, async (parent, name) => linkTarget(parent.at(name)))
    yield* link(path, stats, target)
  }
}

async function* tree(start: FileHandle, prefix: string, options: PackOptions): AsyncGenerator<PackedMember> {
  const { signal, matches } = options
  for await (const entry of walk(start, { recursive: true, ...(signal && { signal }) })) {
    const { stats } = entry
    const path = prefix + pathText(entry.path)
    if (matches && !(stats.isFile() && matches(path))) continue
    if (stats.isDirectory()) yield { type: 'folder', path, stats }
    if (stats.isSymbolicLink()) yield* link(path, stats, await linkTarget(entryPath(entry)))
    if (!stats.isFile()) continue
    const file = await openFileAt(entryPath(entry))
    if (file) yield* opened(path, file, signal)
  }
}

/** As bytes; empty if it is no link any more. */
async function linkTarget(path: string | Buffer): Promise<string> {
  return readlink(path, 'latin1').catch(() => '')
}

/** A link that has vanished, or whose target no archive can hold, is left out. */
function* link(path: string, stats: MemberStats, target: string): Generator<PackedMember> {
  const bytes = Buffer.from(target, 'latin1')
  if (target === '' || !isUtf8(bytes) || /\p{Cc}/u.test(bytes.toString('utf8'))) return
  yield { type: 'link', path, stats, target: bytes.toString('utf8') }
}

/** Closes the file. */
async function* opened(path: string, file: FileHandle, signal: AbortSignal | undefined): AsyncGenerator<PackedMember> {
  try {
    const stats = await file.stat()
    yield { type: 'file', path, stats, content: content(file, stats.size, signal) }
  } finally {
    await file.close()
  }
}

async function* content(file: FileHandle, size: number, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  let left = size
  while (left > 0) {
    signal?.throwIfAborted()
    const chunk = Buffer.alloc(Math.min(left, readSize))
    const { bytesRead } = await file.read(chunk, 0, chunk.length)
    // At the end of a file that has shrunk the zeros are sent.
    const filled = bytesRead === 0 ? chunk : chunk.subarray(0, bytesRead)
    left -= filled.length
    yield filled
  }
}
