import { setImmediate as breathe } from 'node:timers/promises'
import { limits } from '../limits.ts'
import { ChunkReader, type Slab } from './read-chunks.ts'
import type { Entry, FileEntry, Scan } from './scan.ts'
import { isSettled, loadStatCache, saveStatCache, statCacheFile } from './stat-cache.ts'
import { isKnown, type KnownEntry, type KnownFile } from './tree.ts'

export interface FolderOptions {
  folder: string
  scan: Scan
  /** Where the CLI keeps what it can make again. */
  cacheFolder: string
  now(): number
}

/** The files of a folder and what is known of each: from the time before, or since it was read. */
export class KnownFiles {
  /** Changed while they were read, again and again. */
  readonly changed = new Set<string>()
  /** Gone between being found and being read. */
  readonly gone: string[] = []
  readonly #options: FolderOptions
  readonly #cacheFile: string
  /** In order. */
  #entries: Entry[]
  #newlyRead = 0

  constructor(options: FolderOptions) {
    this.#options = options
    this.#entries = options.scan.entries
    this.#cacheFile = statCacheFile(options.cacheFolder, options.folder)
    const cache = loadStatCache(this.#cacheFile)
    for (const entry of this.#entries) {
      if (entry.type !== 'file') continue
      entry.chunks = cache.find(entry.path, entry.stamp)
      entry.isSettled = entry.chunks !== undefined
    }
  }

  /** What `read` would read, in bytes. */
  unknownBytes(): number {
    return this.#unknown().reduce((sum, { stamp }) => sum + stamp.sizeBytes, 0)
  }

  /** Reads the files that are not known. `take` gets their contents on the way, and frees them. */
  async read(take: (slab: Slab) => Promise<void> | void): Promise<void> {
    const unknown = this.#unknown()
    if (unknown.length === 0) return
    const reader = new ChunkReader(this.#options.folder)
    try {
      let unsaved = 0
      for (const file of unknown) {
        await this.#readFile(reader, file, take)
        unsaved += file.stamp.sizeBytes
        if (unsaved < limits.rememberEveryBytes) continue
        this.#remember()
        unsaved = 0
      }
      for (const slab of reader.rest()) await take(slab)
    } finally {
      this.#remember()
    }
    this.#entries = this.#entries.filter(isKnown)
  }

  /** All entries; only after `read`. */
  entries(): KnownEntry[] {
    return this.#entries.filter(isKnown)
  }

  /** Takes a file for one that is not known, so that it is read again. */
  distrust(file: FileEntry): void {
    file.chunks = undefined
    file.isSettled = false
  }

  async #readFile(reader: ChunkReader, file: FileEntry, take: (slab: Slab) => Promise<void> | void): Promise<void> {
    const startedMs = this.#options.now()
    const slabs = reader.read(file.path)
    let step = slabs.next()
    for (; !step.done; step = slabs.next()) {
      await take(step.value)
      // Reading is done by calls that block: what is being sent gets its turn here.
      await breathe()
    }
    if (!step.value) {
      this.gone.push(file.path)
      return
    }
    const { stamp, executable, chunks, changed } = step.value
    Object.assign(file, { stamp, executable, chunks, isSettled: !changed && isSettled(stamp, startedMs) })
    this.#newlyRead += 1
    if (changed) this.changed.add(file.path)
  }

  #unknown(): FileEntry[] {
    return this.#entries.filter((entry): entry is FileEntry => !isKnown(entry))
  }

  #remember(): void {
    if (this.#newlyRead === 0) return
    this.#newlyRead = 0
    const isWorthIt = (entry: Entry): entry is KnownFile => entry.type === 'file' && isKnown(entry) && entry.isSettled
    saveStatCache(this.#cacheFile, this.#entries.filter(isWorthIt))
  }
}
