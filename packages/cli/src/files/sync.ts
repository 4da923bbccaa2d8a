import type { Tree } from '@nabla/api/tree'
import { treeRequestLimits } from '@nabla/api/tree-limits'
import { CliError, isApiError } from '../cli-error.ts'
import { limits } from '../limits.ts'
import type { GrowingProgress } from '../terminal/progress.ts'
import { type FolderOptions, KnownFiles } from '../workspace/known-files.ts'
import { readChunk } from '../workspace/read-chunks.ts'
import type { FileEntry } from '../workspace/scan.ts'
import { type KnownEntry, type KnownFile, type Segment, type WrittenTree, writeTree } from '../workspace/tree.ts'
import { type ChunkCalls, ChunkSender } from './chunk-sender.ts'

/** The server, as far as trees go. Each call may be repeated. */
export interface TreeServer extends ChunkCalls {
  lackingSegments(hashes: readonly string[]): Promise<readonly string[]>
  commit(digest: string): Promise<Tree>
}

export interface SyncOptions extends FolderOptions {
  server: TreeServer
  compress: boolean
  progress: GrowingProgress
  /** Called before much is read or sent; what it throws ends the sync. */
  beforeSending?: (() => Promise<void>) | undefined
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
 * Contents are sent while others are read. What was answered stays there, so a sync that was cut off carries on.
 * Throws CliError and ApiError.
 */
export async function syncFolder(options: SyncOptions): Promise<Synced> {
  const { server, compress, progress } = options
  const files = new KnownFiles(options)
  const sender = new ChunkSender(server, compress, (bytes) => progress.add(bytes))
  sender.presume(files.former)
  for (let attempt = 0; attempt < limits.commitAttempts; attempt++) {
    await announce(options, files.unknownBytes())
    await files.read((slab) => sender.offer(slab))
    const entries = files.entries()
    const tree = writeTree(entries, options.scan.memory)
    files.remember(tree.segments)
    // What nobody had to send is most likely all there.
    const isThere = (await sender.hadAll()) && (await commit(server, tree.digest))
    const committed = isThere || (await sendTree(options, sender, files, entries, tree))
    if (committed) {
      const { files: sent, contentBytes: sentBytes, travelledBytes } = sender
      const { changed, gone } = files
      return { tree: committed, sentFiles: sent.size, sentBytes, travelledBytes, changed: [...changed], gone }
    }
    sender.forget()
  }
  throw new CliError(
    'The folder could not be sent: its files change all the time, or the server loses what it was sent.',
    'Try again when nothing writes to the folder; `nabla doctor` checks the server.',
  )
}

/** Tells the progress what is about to be read or sent, and asks first whether it may be where that is much. */
async function announce({ progress, beforeSending }: SyncOptions, bytes: number): Promise<void> {
  if (bytes >= limits.checkFromBytes) await beforeSending?.()
  progress.grow(bytes)
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

/**
 * Sends what is lacking of a tree whose files were read, and commits it. A segment that is there answers for all the
 * chunks that it names. Undefined: it has to be tried again.
 */
async function sendTree(
  options: SyncOptions,
  sender: ChunkSender,
  files: KnownFiles,
  entries: readonly KnownEntry[],
  tree: WrittenTree,
): Promise<Tree | undefined> {
  const { server } = options
  const missing: Segment[] = []
  for (const some of inQuestions(tree.segments)) {
    const lacking = new Set(await server.lackingSegments(some.map(({ hash }) => hash)))
    missing.push(...some.filter(({ hash }) => lacking.has(hash)))
  }
  const inMissing = missing.flatMap(({ first, end }) => entries.slice(first, end))
  if (!(await sendKnown(options, sender, files, inMissing))) return undefined
  for (const { hash, bytes } of missing) await sender.send({ hash, bytes: bytes(), path: undefined })
  await sender.send({ hash: tree.digest, bytes: tree.root, path: undefined })
  await sender.flush()
  return commit(server, tree.digest)
}

/** Sends what is lacking of files that were not read this time. False: one of them is no longer what it was. */
async function sendKnown(
  options: SyncOptions,
  sender: ChunkSender,
  files: KnownFiles,
  entries: readonly KnownEntry[],
): Promise<boolean> {
  const { folder, server, progress } = options
  const asked = new Set<string>()
  const parts = entries.flatMap((entry) => (entry.type === 'file' ? partsOf(entry) : []))
  const open = parts.filter(({ chunk: [hash] }) => !sender.has(hash) && !asked.has(hash) && asked.add(hash))
  let isWhole = true
  for (const some of inQuestions(open)) {
    const lacking = new Set(await server.lacking(some.map(({ chunk: [hash] }) => hash)))
    const wanted = some.filter(({ chunk: [hash] }) => lacking.has(hash))
    await announce(
      options,
      wanted.reduce((sum, { chunk: [, sizeBytes] }) => sum + sizeBytes, 0),
    )
    for (const { file, offset, chunk } of wanted) {
      const [hash, sizeBytes] = chunk
      const bytes = readChunk(folder, file.path, offset, chunk)
      if (bytes) await sender.send({ hash, bytes, path: file.path })
      else files.distrust(file)
      isWhole &&= bytes !== undefined
      progress.add(sizeBytes)
    }
  }
  return isWhole
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
export function* inQuestions<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += treeRequestLimits.hashes) {
    yield items.slice(start, start + treeRequestLimits.hashes)
  }
}
