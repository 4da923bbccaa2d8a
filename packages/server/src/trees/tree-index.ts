import { comparePaths, type TreeEntry, type TreeRoot } from '@nabla/api/tree-format'
import { limits } from '../lib/limits.ts'
import type { SegmentCache } from './segment-cache.ts'

/**
 * Finds entries of one tree by their order, reading only the segments that it looks into. The root does not say with
 * which path a segment begins, so that is remembered, for so many segments, once one has been read.
 */
export class TreeIndex {
  readonly root: TreeRoot
  readonly #cache: SegmentCache
  readonly #firstPaths = new Map<number, string>()

  constructor(root: TreeRoot, cache: SegmentCache) {
    this.root = root
    this.#cache = cache
  }

  /** What is at a path; undefined if there is nothing. */
  async find(path: string): Promise<TreeEntry | undefined> {
    const segment = await this.#segment(await this.#locate(path))
    const entry = segment[lowerBound(segment, path)]
    return entry?.path === path ? entry : undefined
  }

  /** The entries from a path on, in order. `skipTo` of the cursor leaves out those before another path. */
  cursor(from: string): TreeCursor {
    let number = -1
    let segment: readonly TreeEntry[] = []
    let at = 0
    let target: string | undefined = from
    const seek = async (path: string) => {
      const last = segment.at(-1)
      if (!last || comparePaths(path, last.path) > 0) {
        number = await this.#locate(path)
        segment = await this.#segment(number)
        at = 0
      }
      at = lowerBound(segment, path, at)
    }
    return {
      skipTo: (path) => void (target = path),
      next: async () => {
        if (target !== undefined) await seek(target)
        target = undefined
        while (at >= segment.length) {
          if (number + 1 >= this.root.segments.length) return undefined
          segment = await this.#segment(++number)
          at = 0
        }
        return segment[at++]
      },
    }
  }

  /** The last segment that begins at or before the path; the first if none does. */
  async #locate(path: string): Promise<number> {
    let [low, high] = [0, this.root.segments.length - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (comparePaths(await this.#firstPath(middle), path) <= 0) low = middle
      else high = middle - 1
    }
    return low
  }

  async #firstPath(number: number): Promise<string> {
    const known = this.#firstPaths.get(number)
    if (known !== undefined) return known
    const path = (await this.#segment(number))[0]?.path ?? ''
    if (this.#firstPaths.size >= limits.treeFirstPaths) this.#firstPaths.clear()
    this.#firstPaths.set(number, path)
    return path
  }

  async #segment(number: number): Promise<readonly TreeEntry[]> {
    const segment = this.root.segments[number]
    return segment ? this.#cache.get(...segment) : []
  }
}

export interface TreeCursor {
  next(): Promise<TreeEntry | undefined>
  /** The next entry is the first one at or behind this path. Paths only go up. */
  skipTo(path: string): void
}

/** The first entry, from `start` on, that is at or behind the path. */
function lowerBound(entries: readonly TreeEntry[], path: string, start = 0): number {
  let [low, high] = [start, entries.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (comparePaths(entries[middle]?.path ?? '', path) < 0) low = middle + 1
    else high = middle
  }
  return low
}
