import { createHash, hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { zstdCompressSync } from 'node:zlib'
import { frameHeadBytes, writeFrameHead } from '@nabla/api/chunk-frame'
import { comparePaths, decodeSegment, encodeRoot, encodeSegments, type TreeEntry } from '@nabla/api/tree-format'
import { decodeRoot } from '@nabla/api/tree-root'
import { AppError } from '../lib/app-error.ts'
import type { ChunkStore } from '../trees/chunk-store.ts'

/** Trees made by hand, and a client that sends them as an honest one does. */
export interface MadeTree {
  digest: string
  /** All that has to be sent, the root and the segments too. */
  chunks: Map<string, Buffer>
  segments: string[]
  /** Hashes of parts of files. */
  fileChunks: string[]
}

export const sha256 = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex')

export interface MakeTree {
  /** Entries in each segment; cut as clients do if left out. */
  perSegment?: number
  chunkBytes?: number
  /** Further entries. */
  others?: TreeEntry[]
}

/** A tree of these files, by path. */
export function makeTree(files: Record<string, Buffer | string>, options: MakeTree = {}): MadeTree {
  const { chunkBytes = 1024 } = options
  const chunks = new Map<string, Buffer>()
  const entries: TreeEntry[] = Object.entries(files).map(([path, given]) => {
    const content = Buffer.from(given)
    const parts: [string, number][] = []
    for (let start = 0; start < content.length; start += chunkBytes) {
      const part = content.subarray(start, start + chunkBytes)
      chunks.set(sha256(part), part)
      parts.push([sha256(part), part.length])
    }
    return { type: 'file', path, executable: false, chunks: parts }
  })
  entries.push(...(options.others ?? []))
  entries.sort((a, b) => comparePaths(a.path, b.path))
  const groups: TreeEntry[][] = []
  const size = options.perSegment ?? Infinity
  for (let start = 0; start < entries.length; start += size) groups.push(entries.slice(start, start + size))
  const made = treeOf(groups.flatMap((group) => [...encodeSegments(group)].map((bytes) => Buffer.from(bytes))))
  return { ...made, fileChunks: [...chunks.keys()], chunks: new Map([...chunks, ...made.chunks]) }
}

/** A tree of these segments, as they are; `root` replaces what its root would say. */
export function treeOf(segments: readonly Buffer[], root: { files?: number; sizeBytes?: number } = {}): MadeTree {
  const entries = segments.flatMap((segment) => decodeSegment(segment))
  let [files, sizeBytes] = [0, 0]
  for (const entry of entries) {
    if (entry.type !== 'file') continue
    files++
    for (const [, length] of entry.chunks) sizeBytes += length
  }
  const named = segments.map((bytes): [string, number] => [sha256(bytes), bytes.length])
  const rootBytes = Buffer.from(encodeRoot({ version: 1, files, sizeBytes, ...root, segments: named }))
  const chunks = new Map(segments.map((bytes) => [sha256(bytes), bytes]))
  chunks.set(sha256(rootBytes), rootBytes)
  return { digest: sha256(rootBytes), chunks, segments: named.map(([name]) => name), fileChunks: [] }
}

/** One frame; `claim` replaces what its head would say. */
export function frameOf(
  chunk: Buffer,
  claim: { hash?: string; sizeBytes?: number; storedBytes?: number; compressed?: boolean; stored?: Buffer } = {},
): Buffer {
  const packed = zstdCompressSync(chunk)
  const compressed = claim.compressed ?? packed.length < chunk.length
  const stored = claim.stored ?? (compressed ? packed : chunk)
  const head = Buffer.alloc(frameHeadBytes)
  const { hash: name = sha256(chunk), sizeBytes = chunk.length, storedBytes = stored.length } = claim
  writeFrameHead(head, 0, { hash: name, sizeBytes, storedBytes, compressed })
  return Buffer.concat([head, stored])
}

export function parcelOf(...frames: Buffer[]): Readable {
  return Readable.from([Buffer.concat(frames)])
}

export async function sendChunks(store: ChunkStore, teamId: string, chunks: Iterable<Buffer>) {
  const { signal } = new AbortController()
  return store.receive(teamId, parcelOf(...[...chunks].map((chunk) => frameOf(chunk))), { signal })
}

/** Asks what is lacking and sends that, `perParcel` chunks at a time; answers how many were sent. */
export async function sendLacking(
  store: ChunkStore,
  teamId: string,
  { chunks, segments, digest }: MadeTree,
  perParcel = 100,
): Promise<number> {
  const ask = [...chunks.keys()].filter((name) => !segments.includes(name) && name !== digest)
  const lacking = await store.lacking(teamId, { chunks: [...ask, digest], segments })
  const names = [...lacking.chunks, ...lacking.segments]
  for (let start = 0; start < names.length; start += perParcel) {
    const parcel = names.slice(start, start + perParcel).map((name) => chunks.get(name) ?? Buffer.alloc(0))
    await sendChunks(store, teamId, parcel)
  }
  return names.length
}

/** Sends and commits, again where chunks were collected in between. */
export async function sendTree(store: ChunkStore, teamId: string, tree: MadeTree): Promise<void> {
  for (let tries = 0; ; tries++) {
    await sendLacking(store, teamId, tree)
    try {
      await store.commit(teamId, tree.digest)
      return
    } catch (error) {
      const again = error instanceof AppError && (error.code === 'tree_incomplete' || error.code === 'busy')
      if (!again || tries > 20) throw error
    }
  }
}

/** Reads all files of a tree; answers with the SHA-256 of each. */
export async function readTree(store: ChunkStore, digest: string): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  const root = decodeRoot(await store.read(digest))
  for await (const segment of store.readMany(root.segments.map(([name]) => name))) {
    for (const entry of decodeSegment(segment)) {
      if (entry.type !== 'file') continue
      const content = createHash('sha256')
      for await (const chunk of store.readMany(entry.chunks.map(([name]) => name))) content.update(chunk)
      files.set(entry.path, content.digest('hex'))
    }
  }
  return files
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
