import { hash } from 'node:crypto'
import { encodeRoot, type FileChunk, fileSize, segmentWriter, type TreeEntry } from '@nabla/api/tree-format'
import type { Entry, FileEntry } from './scan.ts'

/** A file whose chunks are known, or a folder or a link. */
export type KnownEntry = Exclude<Entry, FileEntry> | KnownFile

export type KnownFile = FileEntry & { chunks: readonly FileChunk[] }

export const isKnown = (entry: Entry): entry is KnownEntry => entry.type !== 'file' || entry.chunks !== undefined

/** A segment, and which entries are in it: from `first` up to but not including `end`. */
export interface Segment {
  hash: string
  bytes: Uint8Array
  first: number
  end: number
}

/** A tree as it is written down. */
export interface WrittenTree {
  digest: string
  root: Uint8Array
  segments: Segment[]
  files: number
  sizeBytes: number
}

/** Writes a tree down. The entries are in the order of their paths. */
export function writeTree(entries: readonly KnownEntry[]): WrittenTree {
  const segments: Segment[] = []
  const writer = segmentWriter()
  let first = 0
  let files = 0
  let sizeBytes = 0
  const close = (bytes: Uint8Array | undefined, end: number): void => {
    if (!bytes) return
    segments.push({ hash: hash('sha256', bytes), bytes, first, end })
    first = end
  }
  for (const [index, entry] of entries.entries()) {
    if (entry.type === 'file') {
      files += 1
      sizeBytes += fileSize(entry.chunks)
    }
    close(writer.add(entry satisfies TreeEntry), index + 1)
  }
  close(writer.finish(), entries.length)
  const named = segments.map(({ hash, bytes }): [string, number] => [hash, bytes.byteLength])
  const root = encodeRoot({ version: 1, files, sizeBytes, segments: named })
  return { digest: hash('sha256', root), root, segments, files, sizeBytes }
}
