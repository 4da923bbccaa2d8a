import { decodeSegment, type TreeEntry } from '@nabla/api/tree-format'
import { limits } from '../lib/limits.ts'
import type { ChunkStore } from './chunk-store.ts'

/** Where chunks are read from. */
export type ChunkReader = Pick<ChunkStore, 'read' | 'readMany'>

/**
 * Segments of trees that were read lately, decoded: whoever goes through a tree page by page, or looks at one file after
 * another, finds them here. Bounded by the bytes of the segments; trees share them as they share chunks.
 */
export class SegmentCache {
  readonly #reader: ChunkReader
  readonly #mostBytes: number
  /** In the order of their last use. */
  readonly #kept = new Map<string, { segment: Promise<readonly TreeEntry[]>; sizeBytes: number }>()
  #bytes = 0

  constructor(reader: ChunkReader, mostBytes: number = limits.segmentCacheBytes) {
    this.#reader = reader
    this.#mostBytes = mostBytes
  }

  /** The entries of a segment. Two who ask at the same time read it once. */
  async get(hash: string, sizeBytes: number): Promise<readonly TreeEntry[]> {
    const kept = this.#kept.get(hash)
    if (kept) {
      this.#kept.delete(hash)
      this.#kept.set(hash, kept)
      return kept.segment
    }
    const segment = this.#reader.read(hash, { of: 'a tree' }).then(decodeSegment)
    // The one large file of a tree would push out all others.
    if (sizeBytes > this.#mostBytes / 4) return segment
    this.#kept.set(hash, { segment, sizeBytes })
    this.#bytes += sizeBytes
    segment.catch(() => this.#drop(hash))
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#mostBytes) break
      this.#drop(oldest)
    }
    return segment
  }

  #drop(hash: string): void {
    const kept = this.#kept.get(hash)
    if (!kept) return
    this.#kept.delete(hash)
    this.#bytes -= kept.sizeBytes
  }
}
