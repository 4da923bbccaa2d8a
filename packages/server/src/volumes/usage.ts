import type { Stats } from 'node:fs'

import { pinFolder, resolveBeneath } from '../lib/safe-path.ts'
import { pathText, walk } from './walk.ts'

export interface Usage {
  /** What the tree takes on the disk: allocated blocks, folders included, a file with several names counted once. */
  bytes: number
  files: number
}

/** Measures a tree that may change meanwhile. */
export async function usage(root: string, signal?: AbortSignal): Promise<Usage> {
  const start = await pinFolder(root)
  const seen = new Set<string>()
  let bytes = 0
  let files = 0
  try {
    for await (const { stats } of walk(start, { recursive: true, ...(signal && { signal }) })) {
      if (stats.isFile()) files++
      if (isCountedBefore(stats, seen)) continue
      bytes += stats.blocks * 512
    }
  } finally {
    await start.close()
  }
  return { bytes, files }
}

export interface FolderUsage {
  path: string
  type: 'file' | 'folder' | 'link'
  sizeBytes: number
  files: number
}

export interface TreeUsage {
  total: FolderUsage
  /** The largest of what is down to `depth`, largest first. */
  items: FolderUsage[]
  /** False: sizes are at least these. */
  complete: boolean
}

/**
 * What takes the space below a folder, in one walk: memory is that of the largest `limit` entries and of the folders
 * that are open, however many there are. `isOver` is asked at each entry with how many there were, and ends the walk.
 */
export async function measureTree(
  root: string,
  relative: string,
  options: { depth: number; limit: number; isOver(entries: number): boolean; signal: AbortSignal },
): Promise<TreeUsage> {
  const prefix = relative === '' ? '' : `${relative}/`
  const total: FolderUsage = { path: relative, type: 'folder', sizeBytes: 0, files: 0 }
  const largest = new Largest(options.limit)
  const seen = new Set<string>()
  /** The folders around the present entry, outermost first; no deeper than is shown. */
  const open: FolderUsage[] = []
  let entries = 0
  let complete = true
  await resolveBeneath(root, relative, {}, async ({ handle }) => {
    for await (const { path, stats } of walk(handle, { recursive: true, signal: options.signal })) {
      if (options.isOver(entries++)) {
        complete = false
        break
      }
      const text = prefix + pathText(path)
      const level = path.split('/').length - 1
      for (const left of open.splice(level)) largest.add(left)
      const sizeBytes = isCountedBefore(stats, seen) ? 0 : stats.blocks * 512
      const own = { path: text, type: typeOf(stats), sizeBytes, files: stats.isFile() ? 1 : 0 }
      for (const around of [total, ...open]) {
        around.sizeBytes += own.sizeBytes
        around.files += own.files
      }
      if (level >= options.depth || open.length < level) continue
      if (own.type === 'folder') open.push(own)
      else largest.add(own)
    }
  })
  for (const left of open) largest.add(left)
  return { total, items: largest.sorted(), complete }
}

/** Keeps the largest of any number of entries. */
class Largest {
  readonly #limit: number
  #items: FolderUsage[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  add(item: FolderUsage): void {
    this.#items.push(item)
    if (this.#items.length >= 4 * this.#limit) this.#items = this.sorted()
  }

  sorted(): FolderUsage[] {
    const bySize = (a: FolderUsage, b: FolderUsage) => b.sizeBytes - a.sizeBytes || (a.path < b.path ? -1 : 1)
    return this.#items.sort(bySize).slice(0, this.#limit)
  }
}

function typeOf(stats: Stats): FolderUsage['type'] {
  if (stats.isDirectory()) return 'folder'
  return stats.isSymbolicLink() ? 'link' : 'file'
}

/** Of a file with several names the first one that is met counts. */
function isCountedBefore(stats: Stats, seen: Set<string>): boolean {
  if (stats.nlink <= 1 || stats.isDirectory()) return false
  const inode = `${stats.dev}:${stats.ino}`
  if (seen.has(inode)) return true
  seen.add(inode)
  return false
}
