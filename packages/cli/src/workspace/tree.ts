import { hash } from 'node:crypto'
import {
  encodeRoot,
  encodeSegments,
  type FileChunk,
  fileSize,
  segmentWriter,
  type TreeEntry,
} from '@nabla/api/tree-format'
import type { Entry, FileEntry } from './scan.ts'
import type { RememberedSegment, StatCache } from './stat-cache.ts'

/** A file whose chunks are known, or a folder or a link. */
export type KnownEntry = Exclude<Entry, FileEntry> | KnownFile

export type KnownFile = FileEntry & { chunks: readonly FileChunk[] }

/** A remembered file is known without a look at what it consists of. */
export const isKnown = (entry: Entry): entry is KnownEntry =>
  entry.type !== 'file' || entry.place !== undefined || entry.chunks !== undefined

/** A segment, and which entries are in it: from `first` up to but not including `end`. */
export interface Segment {
  hash: string
  byteLength: number
  files: number
  sizeBytes: number
  first: number
  end: number
  /** It is the one that it was the last time. */
  isOld: boolean
  bytes(): Uint8Array
}

/** A tree as it is written down. */
export interface WrittenTree {
  digest: string
  root: Uint8Array
  segments: Segment[]
  files: number
  sizeBytes: number
}

/**
 * Writes a tree down. The entries are in the order of their paths. Segments in which nothing changed are taken from
 * what is remembered.
 */
export function writeTree(entries: readonly KnownEntry[], memory: StatCache): WrittenTree {
  const segments: Segment[] = []
  for (let first = 0; first < entries.length;) {
    const segment = oldSegment(entries, first, memory) ?? newSegment(entries, first)
    segments.push(segment)
    first = segment.end
  }
  const files = segments.reduce((sum, segment) => sum + segment.files, 0)
  const sizeBytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  const named = segments.map(({ hash, byteLength }): [string, number] => [hash, byteLength])
  const root = encodeRoot({ version: 1, files, sizeBytes, segments: named })
  return { digest: hash('sha256', root), root, segments, files, sizeBytes }
}

/** The segment that begins with this entry, if it began one the last time and nothing in it changed. */
function oldSegment(entries: readonly KnownEntry[], first: number, memory: StatCache): Segment | undefined {
  const start = placeOf(entries[first])
  const old = start === undefined ? undefined : memory.segmentAt(start)
  if (!old || !isWhole(entries, first, old)) return undefined
  const { hash, byteLength, files, sizeBytes } = old
  const end = first + old.end - old.start
  // The last one ended with the tree and not by what was in it.
  if (memory.segmentAt(old.end) === undefined && end < entries.length) return undefined
  const bytes = () => only(encodeSegments(entries.slice(first, end)))
  return { hash, byteLength, files, sizeBytes, first, end, isOld: true, bytes }
}

function isWhole(entries: readonly KnownEntry[], first: number, { start, end }: RememberedSegment): boolean {
  for (let place = start; place < end; place++) {
    if (placeOf(entries[first + place - start]) !== place) return false
  }
  return true
}

const placeOf = (entry: KnownEntry | undefined): number | undefined =>
  entry === undefined || entry.type === 'link' ? undefined : entry.place

function newSegment(entries: readonly KnownEntry[], first: number): Segment {
  const writer = segmentWriter()
  let bytes: Uint8Array | undefined
  let [end, files, sizeBytes] = [first, 0, 0]
  while (end < entries.length && !bytes) {
    const entry = entries[end] as KnownEntry
    if (entry.type === 'file') {
      files += 1
      sizeBytes += fileSize(entry.chunks)
    }
    bytes = writer.add(entry satisfies TreeEntry)
    end += 1
  }
  const written = bytes ?? writer.finish() ?? new Uint8Array()
  const { byteLength } = written
  return { hash: hash('sha256', written), byteLength, files, sizeBytes, first, end, isOld: false, bytes: () => written }
}

function only<Item>(items: Iterable<Item>): Item {
  const [first] = items
  if (first === undefined) throw new Error('a segment without an entry')
  return first
}
