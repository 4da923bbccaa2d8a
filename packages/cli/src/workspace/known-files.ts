import { limits } from '../limits.ts'
import type { ReadFile, Slab } from './read-chunks.ts'
import { readFiles } from './read-files.ts'
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
  /** Chunks that large files consisted of before they changed: most of them do so still. */
  readonly former = new Set<string>()
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
      const isLarge = entry.stamp.sizeBytes >= limits.formerFromBytes
      const former = isLarge && !entry.chunks ? cache.former(entry.path) : undefined
      for (const [hash] of former ?? []) this.former.add(hash)
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
    // What changes from now on may do so without its times telling.
    const startedMs = this.#options.now()
    const batches = readFiles(
      this.#options.folder,
      unknown.map(({ path }) => path),
      this.unknownBytes(),
    )
    try {
      let unsaved = 0
      for await (const { slab, files } of batches) {
        for (const [index, read] of files) {
          const file = unknown[index] as FileEntry
          this.#note(file, read, startedMs)
          unsaved += file.stamp.sizeBytes
        }
        if (slab) await take(slab)
        if (unsaved < limits.rememberEveryBytes) continue
        this.#remember()
        unsaved = 0
      }
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

  #note(file: FileEntry, read: ReadFile | undefined, startedMs: number): void {
    if (!read) {
      this.gone.push(file.path)
      return
    }
    const { stamp, executable, chunks, changed } = read
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
