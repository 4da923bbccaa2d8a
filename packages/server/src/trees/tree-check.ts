import { comparePaths, fileSize, type TreeEntry } from '@nabla/api/tree-format'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import type { Pace } from '../lib/pace.ts'
import { parseRelativePath } from '../lib/safe-path.ts'

/** What makes a tree unusable, in half a sentence. */
export class TreeError extends Error {
  override readonly name = 'TreeError'
}

/** What has to be known of a segment to check a tree that it is part of. It depends on the segment alone. */
export interface SegmentSummary {
  entries: number
  files: number
  sizeBytes: number
  first: string
  last: string
  /**
   * Its files and links whose paths are beginnings of `last`, as texts, by their lengths: what comes in the next
   * segment could lie below one of them.
   */
  tail: number[]
  /** Path and target. */
  links: [path: string, target: string][]
}

/** Checks the entries of one segment by themselves. Throws TreeError. */
export function summarise(entries: readonly TreeEntry[]): SegmentSummary {
  let before: string | undefined
  let solid: string[] = []
  const summary: SegmentSummary = { entries: 0, files: 0, sizeBytes: 0, first: '', last: '', tail: [], links: [] }
  for (const entry of entries) {
    const { path } = entry
    checkPath(path)
    if (before !== undefined && comparePaths(before, path) >= 0) throw outOfOrder(before, path)
    solid = solid.filter((above) => path.startsWith(above))
    for (const above of solid) if (path[above.length] === '/') throw below(path, above)
    if (entry.type !== 'folder') solid.push(path)
    if (entry.type === 'link') summary.links.push([path, checkTarget(path, entry.target)])
    if (entry.type === 'file') {
      summary.files += 1
      summary.sizeBytes += fileSize(entry.chunks)
    }
    if (before === undefined) summary.first = path
    before = path
  }
  if (before === undefined) throw new TreeError('one of its segments is empty')
  return { ...summary, entries: entries.length, last: before, tail: solid.map((path) => path.length) }
}

export interface TreeJoin {
  /**
   * Adds the next segment. `hasBelow` tells whether it has an entry whose path begins with this text, which is rarely
   * asked. Throws TreeError.
   */
  add(summary: SegmentSummary, hasBelow: (beginning: string) => Promise<boolean>): Promise<void>
  /** Follows the links. Throws TreeError when one leads out. */
  finish(pace: Pace): Promise<{ files: number; sizeBytes: number }>
}

/** Checks what concerns several segments, which are added in order. */
export function joinSegments(): TreeJoin {
  const links = new Map<string, string>()
  let before: string | undefined
  let solid: string[] = []
  let [entries, files, sizeBytes] = [0, 0, 0]
  return {
    async add(summary, hasBelow) {
      const { first, last } = summary
      if (before !== undefined && comparePaths(before, first) >= 0) throw outOfOrder(before, first)
      for (const above of solid) {
        const beginning = `${above}/`
        if (!first.startsWith(above) || comparePaths(last, beginning) < 0) continue
        if (await hasBelow(beginning)) throw below(`${beginning}…`, above)
      }
      solid = solid.filter((above) => last.startsWith(above))
      for (const length of summary.tail) solid.push(last.slice(0, length))
      before = last
      entries += summary.entries
      files += summary.files
      sizeBytes += summary.sizeBytes
      for (const [path, target] of summary.links) links.set(path, target)
      if (entries > limits.treeEntries) throw new TreeError(`it has more than ${limits.treeEntries} entries`)
      if (links.size > limits.treeLinks) throw new TreeError(`it has more than ${limits.treeLinks} links`)
    },
    async finish(pace) {
      const steps = { left: linkSteps }
      for (const [path, target] of links) {
        if (leadsOut(links, path, target, steps)) throw new TreeError(`${shown(path)} is a link that leads out of it`)
        await pace.rest()
      }
      return { files, sizeBytes }
    },
  }
}

/** Parts of paths looked at in following all links of a tree: ten for each of the most links. */
const linkSteps = limits.treeLinks * 10

/**
 * Follows a link as the kernel would, in the tree as it will be. A link to nothing is fine as long as it stays inside;
 * so is one that goes round.
 */
function leadsOut(links: ReadonlyMap<string, string>, path: string, target: string, steps: { left: number }): boolean {
  if (target.startsWith('/')) return true
  const at = path.split('/').slice(0, -1)
  const pending = target.split('/').toReversed()
  let followed = 0
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (--steps.left < 0) throw new TreeError('its links lead through too many others')
    if (part === '' || part === '.') continue
    if (part === '..') {
      if (at.pop() === undefined) return true
      continue
    }
    at.push(part)
    const next = links.get(at.join('/'))
    if (next === undefined) continue
    if (next.startsWith('/')) return true
    if (++followed > limits.linksFollowed) return false
    at.pop()
    pending.push(...next.split('/').toReversed())
  }
  return false
}

function checkPath(path: string): void {
  try {
    parseRelativePath(path)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw new TreeError(`it has the path ${shown(path)}: ${error.params['reason']}`, { cause: error })
  }
}

function checkTarget(path: string, target: string): string {
  const tooLong = Buffer.byteLength(target) > limits.pathBytes
  if (tooLong || target.includes('\0') || !target.isWellFormed()) {
    throw new TreeError(`${shown(path)} is a link whose target is not valid`)
  }
  return target
}

const outOfOrder = (before: string, path: string) =>
  new TreeError(before === path ? `it has ${shown(path)} twice` : `${shown(path)} comes after ${shown(before)}`)

const below = (path: string, above: string) =>
  new TreeError(`${shown(path)} lies in ${shown(above)}, which is not a folder`)

const shown = (path: string): string => JSON.stringify(path.slice(0, 300))
