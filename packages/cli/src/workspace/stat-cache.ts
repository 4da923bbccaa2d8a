import type { Stats } from 'node:fs'
import type { FileChunk } from '@nabla/api/tree-format'
import type { CacheColumns } from './stat-cache-file.ts'
import type { Stamp } from './stamp.ts'

/** What an entry of the cache is. */
export const entryKinds = { file: 0, executable: 1, folder: 2, link: 3 } as const

/** A segment of the tree that was written last: where its entries begin and end, and what it came to. */
export interface RememberedSegment {
  start: number
  end: number
  hash: string
  byteLength: number
  files: number
  sizeBytes: number
}

/**
 * What was learnt of a folder the last time: its entries in the order of a tree, each with a place of its own. What has
 * not changed since is neither read nor listed nor written down again. Place 0 is the folder itself.
 */
export class StatCache {
  readonly #columns: CacheColumns | undefined
  #children: { starts: Uint32Array; places: Uint32Array } | undefined
  #segments: Map<number, RememberedSegment> | undefined

  constructor(columns: CacheColumns | undefined) {
    this.#columns = columns
  }

  /** Where the folder itself is; undefined: nothing is known of it. */
  get top(): number | undefined {
    return this.#columns === undefined ? undefined : 0
  }

  /** How many places there are. */
  get size(): number {
    return this.#columns?.kinds.length ?? 0
  }

  pathAt(place: number): string {
    return this.#known.paths[place] ?? ''
  }

  kindAt(place: number): number {
    return this.#known.kinds[place] ?? entryKinds.file
  }

  /** What stands directly in the folder at this place, in the order of a tree. */
  childrenOf(folder: number): Uint32Array {
    this.#children ??= listChildren(this.#known.parents)
    const { starts, places } = this.#children
    return places.subarray(starts[folder], starts[folder + 1])
  }

  /** Whether the file at this place is still the one that it was. */
  isSame(place: number, stats: Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs' | 'ino'>): boolean {
    const { kinds, sizes, mtimes, ctimes, inodes } = this.#known
    return (
      (kinds[place] as number) <= entryKinds.executable &&
      sizes[place] === stats.size &&
      mtimes[place] === stats.mtimeMs &&
      ctimes[place] === stats.ctimeMs &&
      inodes[place] === stats.ino
    )
  }

  /**
   * Whether the folder at this place holds the same names as it did, each of which travels by the same rules. That is
   * known only of folders in which there was nothing but files and folders that travel.
   */
  isListed(place: number, stamp: Stamp, rulesTag: number): boolean {
    const { kinds, sizes, mtimes, ctimes, inodes } = this.#known
    return (
      kinds[place] === entryKinds.folder &&
      sizes[place] === rulesTag &&
      mtimes[place] === stamp.mtimeMs &&
      ctimes[place] === stamp.ctimeMs &&
      inodes[place] === stamp.inode
    )
  }

  stampAt(place: number): Stamp {
    const { sizes, mtimes, ctimes, inodes } = this.#known
    return {
      sizeBytes: sizes[place] as number,
      mtimeMs: mtimes[place] as number,
      ctimeMs: ctimes[place] as number,
      inode: inodes[place] as number,
    }
  }

  /** What the file at this place consisted of. */
  chunksAt(place: number): FileChunk[] {
    const { chunkEnds, chunkSizes, hashes } = this.#known
    const chunks: FileChunk[] = []
    for (
      let chunk = place === 0 ? 0 : (chunkEnds[place - 1] as number);
      chunk < (chunkEnds[place] as number);
      chunk++
    ) {
      chunks.push([hashes.toString('hex', chunk * 32, chunk * 32 + 32), chunkSizes[chunk] as number])
    }
    return chunks
  }

  /** The segment that began with the entry at this place. */
  segmentAt(place: number): RememberedSegment | undefined {
    this.#segments ??= listSegments(this.#columns)
    return this.#segments.get(place)
  }

  get #known(): CacheColumns {
    if (!this.#columns) throw new Error('a place in a cache that knows nothing')
    return this.#columns
  }
}

/** A file that is the one that it was, as an entry of a scan; what it consists of is looked up when it is asked for. */
export class RememberedFile {
  readonly type = 'file'
  readonly path: string
  executable: boolean
  isSettled = true
  /** Undefined once it is no longer trusted. */
  place: number | undefined
  readonly formerPlace = undefined
  readonly #cache: StatCache
  readonly #at: number
  #chunks: readonly FileChunk[] | undefined
  #stamp: Stamp | undefined

  constructor(cache: StatCache, place: number) {
    this.path = cache.pathAt(place)
    this.executable = cache.kindAt(place) === entryKinds.executable
    this.place = place
    this.#cache = cache
    this.#at = place
  }

  get stamp(): Stamp {
    return (this.#stamp ??= this.#cache.stampAt(this.#at))
  }

  set stamp(stamp: Stamp) {
    this.#stamp = stamp
  }

  get chunks(): readonly FileChunk[] | undefined {
    if (this.place !== undefined) this.#chunks ??= this.#cache.chunksAt(this.#at)
    return this.#chunks
  }

  set chunks(chunks: readonly FileChunk[] | undefined) {
    this.#chunks = chunks
  }
}

/** Places by folder: those of folder `f` stand from `starts[f]` up to `starts[f + 1]`. */
function listChildren(parents: Uint32Array): { starts: Uint32Array; places: Uint32Array } {
  const count = parents.length
  const starts = new Uint32Array(count + 1)
  for (let place = 1; place < count; place++) starts[(parents[place] as number) + 1]! += 1
  for (let folder = 0; folder < count; folder++) starts[folder + 1]! += starts[folder] as number
  const next = starts.slice()
  const places = new Uint32Array(Math.max(0, count - 1))
  for (let place = 1; place < count; place++) places[next[parents[place] as number]!++] = place
  return { starts, places }
}

function listSegments(columns: CacheColumns | undefined): Map<number, RememberedSegment> {
  const segments = new Map<number, RememberedSegment>()
  if (!columns) return segments
  const { ends, hashes, lengths, files, sizes } = columns.segments
  for (const [index, end] of ends.entries()) {
    const start = index === 0 ? 1 : (ends[index - 1] as number)
    const hash = hashes.toString('hex', index * 32, index * 32 + 32)
    const [byteLength, count, sizeBytes] = [lengths[index], files[index], sizes[index]] as [number, number, number]
    segments.set(start, { start, end, hash, byteLength, files: count, sizeBytes })
  }
  return segments
}
