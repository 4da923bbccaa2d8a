import { limits } from '../limits.ts'
import type { ReadFile, Slab } from './read-chunks.ts'
import { readFiles } from './read-files.ts'
import type { Entry, FileEntry, Scan } from './scan.ts'
import { isSettled } from './stamp.ts'
import { saveStatCache } from './stat-cache-file.ts'
import { isKnown, type KnownEntry, type Segment } from './tree.ts'

export interface FolderOptions {
  folder: string
  scan: Scan
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
  /** In order. */
  #entries: Entry[]
  /** Files read, and bytes of them, since they were last written down. */
  #read = { files: 0, sizeBytes: 0 }
  /** What is written down says of a file what is not so. */
  #isWrong = false

  constructor(options: FolderOptions) {
    this.#options = options
    const { entries, memory } = options.scan
    this.#entries = entries
    for (const entry of entries) {
      if (entry.type !== 'file' || entry.formerPlace === undefined) continue
      if (entry.stamp.sizeBytes < limits.formerFromBytes) continue
      for (const [hash] of memory.chunksAt(entry.formerPlace)) this.former.add(hash)
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
      for await (const { slab, files } of batches) {
        for (const [index, read] of files) this.#note(unknown[index] as FileEntry, read, startedMs)
        if (slab) await take(slab)
        if (this.#read.sizeBytes >= limits.rememberEveryBytes) this.#save([])
      }
    } catch (error) {
      this.#save([])
      throw error
    }
    this.#entries = this.#entries.filter(isKnown)
  }

  /** All entries; only after `read`. */
  entries(): KnownEntry[] {
    return this.#entries.filter(isKnown)
  }

  /** Takes a file for one that is not known, so that it is read again. */
  distrust(file: FileEntry): void {
    this.#isWrong ||= file.place !== undefined
    file.place = undefined
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
    this.#read.files += 1
    this.#read.sizeBytes += stamp.sizeBytes
    if (changed) this.changed.add(file.path)
  }

  #unknown(): FileEntry[] {
    return this.#entries.filter((entry): entry is FileEntry => !isKnown(entry))
  }

  /**
   * Writes down what was learnt, if to learn it again would take longer than that. `segments`: those of the tree of
   * these files.
   */
  remember(segments: readonly Segment[]): void {
    const { scan } = this.#options
    const written = segments.reduce((sum, { isOld, first, end }) => sum + (isOld ? 0 : end - first), 0)
    const learnt = this.#read.files + scan.learnt + written
    const isMuch = learnt * limits.rememberedShare >= this.#entries.length
    const isLong = this.#read.sizeBytes >= limits.rememberBytes
    if (this.#isWrong || isLong || (learnt > 0 && isMuch)) this.#save(segments)
  }

  #save(segments: readonly Segment[]): void {
    const { cacheFile, top } = this.#options.scan
    const known = this.#entries.filter(isKnown)
    // Of what is in a folder all has to be remembered, or else it has to be listed again.
    const listed = known.length === this.#entries.length ? top : undefined
    this.#read = { files: 0, sizeBytes: 0 }
    this.#isWrong = false
    if (cacheFile !== undefined) saveStatCache(cacheFile, listed, known, segments)
  }
}
