import { setImmediate as breathe } from 'node:timers/promises'
import { type Tree, treeRequestLimits } from '@nabla/api/tree'
import { CliError, isApiError } from '../cli-error.ts'
import { limits } from '../limits.ts'
import type { GrowingProgress } from '../terminal/progress.ts'
import { ChunkReader, readChunk } from '../workspace/read-chunks.ts'
import type { Entry, FileEntry, Scan } from '../workspace/scan.ts'
import { isSettled, loadStatCache, saveStatCache, statCacheFile } from '../workspace/stat-cache.ts'
import {
  isKnown,
  type KnownEntry,
  type KnownFile,
  type Segment,
  type WrittenTree,
  writeTree,
} from '../workspace/tree.ts'
import { type ChunkCalls, ChunkSender } from './chunk-sender.ts'

/** The server, as far as trees go. Each call may be repeated. */
export interface TreeServer extends ChunkCalls {
  lackingSegments(hashes: readonly string[]): Promise<readonly string[]>
  commit(digest: string): Promise<Tree>
}

export interface SyncOptions {
  folder: string
  scan: Scan
  server: TreeServer
  cacheFolder: string
  compress: boolean
  progress: GrowingProgress
  now(): number
}

export interface Synced {
  tree: Tree
  /** Files of which something was sent, and how much of their contents. */
  sentFiles: number
  sentBytes: number
  /** Bytes that went over the line: compressed, with the tree itself. */
  travelledBytes: number
  /** Changed while they were read: they are there as they were seen. */
  changed: string[]
  /** Gone between being found and being read. */
  gone: string[]
}

/**
 * Makes the tree of a folder on the server: reads what changed since the last time, asks what is lacking, sends that.
 * What was answered stays there, so a sync that was cut off carries on. Throws CliError and ApiError.
 */
export async function syncFolder(options: SyncOptions): Promise<Synced> {
  const { server, compress, progress } = options
  const sender = new ChunkSender(server, compress, (bytes) => progress.add(bytes))
  const work = new FolderSync(options, sender)
  for (let attempt = 0; attempt < limits.commitAttempts; attempt++) {
    await work.read()
    const tree = writeTree(work.known())
    // What nobody had to send is most likely all there.
    const committed = (sender.travelledBytes === 0 && (await commit(server, tree.digest))) || (await work.send(tree))
    if (committed) {
      const { files, contentBytes: sentBytes, travelledBytes } = sender
      const { changed, gone } = work
      return { tree: committed, sentFiles: files.size, sentBytes, travelledBytes, changed: [...changed], gone }
    }
    sender.forget()
  }
  throw new CliError(
    'The folder could not be sent: its files change all the time, or the server loses what it was sent.',
    'Try again when nothing writes to the folder; `nabla doctor` checks the server.',
  )
}

/** Undefined: parts of it are not there. */
async function commit(server: TreeServer, digest: string): Promise<Tree | undefined> {
  try {
    return await server.commit(digest)
  } catch (error) {
    if (isApiError(error) && error.code === 'tree_incomplete') return undefined
    throw error
  }
}

/** One folder on its way: what is known of each entry. */
class FolderSync {
  readonly changed = new Set<string>()
  readonly gone: string[] = []
  readonly #options: SyncOptions
  readonly #sender: ChunkSender
  readonly #cacheFile: string
  /** In order. */
  #entries: Entry[]
  #newlyRead = 0

  constructor(options: SyncOptions, sender: ChunkSender) {
    this.#options = options
    this.#sender = sender
    this.#entries = options.scan.entries
    this.#cacheFile = statCacheFile(options.cacheFolder, options.folder)
    const cache = loadStatCache(this.#cacheFile)
    for (const entry of this.#entries) {
      if (entry.type !== 'file') continue
      entry.chunks = cache.find(entry.path, entry.stamp)
      entry.isSettled = entry.chunks !== undefined
    }
  }

  /** All entries; only after `read`. */
  known(): KnownEntry[] {
    return this.#entries.filter(isKnown)
  }

  /** Reads the files that are not known, and offers their contents to the server on the way. */
  async read(): Promise<void> {
    const { folder, progress } = this.#options
    const unknown = this.#entries.filter((entry): entry is FileEntry => !isKnown(entry))
    if (unknown.length === 0) return
    progress.grow(unknown.reduce((sum, { stamp }) => sum + stamp.sizeBytes, 0))
    const reader = new ChunkReader(folder)
    try {
      let unsaved = 0
      for (const file of unknown) {
        await this.#readFile(reader, file)
        unsaved += file.stamp.sizeBytes
        if (unsaved < limits.rememberEveryBytes) continue
        this.#remember()
        unsaved = 0
      }
      for (const slab of reader.rest()) await this.#sender.offer(slab)
    } finally {
      this.#remember()
    }
    this.#entries = this.#entries.filter(isKnown)
  }

  async #readFile(reader: ChunkReader, file: FileEntry): Promise<void> {
    const startedMs = this.#options.now()
    const slabs = reader.read(file.path)
    let step = slabs.next()
    for (; !step.done; step = slabs.next()) {
      await this.#sender.offer(step.value)
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

  /** Sends what is lacking of a tree whose files were read, and commits it. Undefined: it has to be read again. */
  async send(tree: WrittenTree): Promise<Tree | undefined> {
    const { server } = this.#options
    const entries = this.known()
    const missing: Segment[] = []
    for (const some of inQuestions(tree.segments)) {
      const lacking = new Set(await server.lackingSegments(some.map(({ hash }) => hash)))
      missing.push(...some.filter(({ hash }) => lacking.has(hash)))
    }
    const isWhole = await this.#sendKnown(missing.flatMap(({ first, end }) => entries.slice(first, end)))
    if (!isWhole) return undefined
    for (const { hash, bytes } of missing) await this.#sender.send({ hash, bytes, path: undefined })
    await this.#sender.send({ hash: tree.digest, bytes: tree.root, path: undefined })
    await this.#sender.flush()
    return commit(server, tree.digest)
  }

  /** Sends what is lacking of files that were not read this time. False: one of them is no longer what it was. */
  async #sendKnown(entries: readonly KnownEntry[]): Promise<boolean> {
    const { folder, server, progress } = this.#options
    const asked = new Set<string>()
    const parts = entries.flatMap((entry) => (entry.type === 'file' ? partsOf(entry) : []))
    const open = parts.filter(({ chunk: [hash] }) => !this.#sender.has(hash) && !asked.has(hash) && asked.add(hash))
    let isWhole = true
    for (const some of inQuestions(open)) {
      const lacking = new Set(await server.lacking(some.map(({ chunk: [hash] }) => hash)))
      const wanted = some.filter(({ chunk: [hash] }) => lacking.has(hash))
      progress.grow(wanted.reduce((sum, { chunk: [, sizeBytes] }) => sum + sizeBytes, 0))
      for (const { file, offset, chunk } of wanted) {
        const [hash, sizeBytes] = chunk
        const bytes = readChunk(folder, file.path, offset, chunk)
        if (bytes) {
          await this.#sender.send({ hash, bytes, path: file.path })
        } else {
          // It is read again.
          Object.assign(file, { chunks: undefined, isSettled: false })
          isWhole = false
        }
        progress.add(sizeBytes)
      }
    }
    return isWhole
  }

  #remember(): void {
    if (this.#newlyRead === 0) return
    this.#newlyRead = 0
    const isWorthIt = (entry: Entry): entry is KnownFile => entry.type === 'file' && isKnown(entry) && entry.isSettled
    saveStatCache(this.#cacheFile, this.#entries.filter(isWorthIt))
  }
}

interface Part {
  file: FileEntry
  offset: number
  chunk: readonly [hash: string, sizeBytes: number]
}

function partsOf(file: KnownFile): Part[] {
  let offset = 0
  return file.chunks.map((chunk) => {
    const part = { file, offset, chunk }
    offset += chunk[1]
    return part
  })
}

/** Lists that are short enough for one question. */
function* inQuestions<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += treeRequestLimits.hashes) {
    yield items.slice(start, start + treeRequestLimits.hashes)
  }
}
