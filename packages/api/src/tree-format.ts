import { treeLimits } from './tree-limits.ts'

/**
 * How a tree of files is written down: its entries in the order of their paths, as lines of JSON, cut into segments,
 * and a root that names the segments. Segments and root are chunks like those of files, known by their SHA-256, so a
 * change to one file changes one segment and the root. Equal trees have equal digests, whoever writes them down.
 */

/** SHA-256 in hex of what a chunk holds. */
export const hashForm = /^[0-9a-f]{64}$/

/** Part of a file: its hash and its length in bytes. */
export type FileChunk = readonly [hash: string, sizeBytes: number]

/** One file, folder or link. Paths are relative, with forward slashes, and have no `.` and `..`. */
export type TreeEntry =
  | { type: 'file'; path: string; executable: boolean; chunks: readonly FileChunk[] }
  | { type: 'folder'; path: string }
  | { type: 'link'; path: string; target: string }

/** What the root of a tree says. Its SHA-256 is the digest of the tree. */
export interface TreeRoot {
  version: 1
  files: number
  sizeBytes: number
  segments: readonly FileChunk[]
}

const encoder = new TextEncoder()

/** The bytes of a root. */
export function encodeRoot(root: TreeRoot): Uint8Array<ArrayBuffer> {
  const { version, files, sizeBytes, segments } = root
  return encoder.encode(JSON.stringify({ version, files, sizeBytes, segments }))
}

/**
 * The segments of a tree, in order. `entries` must be in the order of `comparePaths`, each path once; an Error says
 * where they are not.
 */
export function* encodeSegments(entries: Iterable<TreeEntry>): Generator<Uint8Array<ArrayBuffer>> {
  const writer = segmentWriter()
  for (const entry of entries) {
    const segment = writer.add(entry)
    if (segment) yield segment
  }
  const last = writer.finish()
  if (last) yield last
}

/** Makes segments of entries that come one at a time; see `encodeSegments`. */
export interface SegmentWriter {
  /** The segment that this entry completes, if it does. */
  add(entry: TreeEntry): Uint8Array<ArrayBuffer> | undefined
  /** The last segment; undefined when there is nothing left for it. */
  finish(): Uint8Array<ArrayBuffer> | undefined
}

export function segmentWriter(): SegmentWriter {
  let lines: string[] = []
  let length = 0
  let before: string | undefined
  const close = () => {
    const segment = encoder.encode(lines.join(''))
    lines = []
    length = 0
    return segment
  }
  return {
    add(entry) {
      if (before !== undefined && comparePaths(before, entry.path) >= 0) {
        throw new Error(`not in order: ${before}, ${entry.path}`)
      }
      before = entry.path
      const line = encodeEntry(entry)
      lines.push(line)
      length += line.length
      const full = lines.length === treeLimits.segmentEntries || length >= treeLimits.segmentBytes
      return full || isCut(entry.path) ? close() : undefined
    },
    finish: () => (lines.length > 0 ? close() : undefined),
  }
}

/** The entries of a segment. Throws an Error for what is no segment; paths are not judged. */
export function decodeSegment(bytes: Uint8Array): TreeEntry[] {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  if (!text.endsWith('\n')) throw new Error('the last line of a segment is cut off')
  return text.slice(0, -1).split('\n').map(decodeEntry)
}

/** The order of paths in a tree: that of their UTF-8 bytes. */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const [one, other] = [a.charCodeAt(index), b.charCodeAt(index)]
    if (one === other) continue
    // Surrogates stand for code points above all others, though their own numbers are lower than some.
    return byCodePoint(one) - byCodePoint(other)
  }
  return a.length - b.length
}

/** Bytes of a file. */
export function fileSize(chunks: readonly FileChunk[]): number {
  let sum = 0
  for (const [, sizeBytes] of chunks) sum += sizeBytes
  return sum
}

const byCodePoint = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)

/** `["f",path,[hash,size,…]]` (`x`: executable), `["d",path]` or `["l",path,target]`. */
function encodeEntry(entry: TreeEntry): string {
  switch (entry.type) {
    case 'file':
      return `${JSON.stringify([entry.executable ? 'x' : 'f', entry.path, entry.chunks.flat()])}\n`
    case 'folder':
      return `${JSON.stringify(['d', entry.path])}\n`
    case 'link':
      return `${JSON.stringify(['l', entry.path, entry.target])}\n`
    default:
      return entry satisfies never
  }
}

/** By hand: a schema takes ten times as long, and a tree may have a million of these. */
function decodeEntry(line: string): TreeEntry {
  const entry: unknown = JSON.parse(line)
  if (!Array.isArray(entry)) throw new Error('an entry of a segment is no list')
  const [kind, path, more] = entry as unknown[]
  if (typeof path !== 'string' || path === '') throw new Error('an entry of a segment has no path')
  if (kind === 'd' && entry.length === 2) return { type: 'folder', path }
  if (entry.length !== 3) throw new Error(`an entry of a segment is of another kind: ${path}`)
  if (kind === 'l' && typeof more === 'string' && more !== '') return { type: 'link', path, target: more }
  if ((kind !== 'f' && kind !== 'x') || !Array.isArray(more)) throw new Error(`an entry is of another kind: ${path}`)
  return { type: 'file', path, executable: kind === 'x', chunks: decodeChunks(more as unknown[], path) }
}

function decodeChunks(values: readonly unknown[], path: string): FileChunk[] {
  const chunks: FileChunk[] = []
  for (let index = 0; index < values.length; index += 2) {
    const [hash, sizeBytes] = [values[index], values[index + 1]]
    const isHash = typeof hash === 'string' && hashForm.test(hash)
    if (!isHash || !Number.isSafeInteger(sizeBytes) || (sizeBytes as number) < 1)
      throw new Error(`odd chunks of ${path}`)
    chunks.push([hash, sizeBytes as number])
  }
  return chunks
}

/** FNV-1a of the path: a segment ends where its low 8 bits are zero, so insertions move only the cuts near them. */
function isCut(path: string): boolean {
  let hash = 0x811c9dc5
  for (let index = 0; index < path.length; index++) hash = Math.imul(hash ^ path.charCodeAt(index), 0x01000193)
  return ((hash ^ (hash >>> 16)) & 0xff) === 0
}

/**
 * The ETag of a file of a tree: equal for equal bytes, in whatever tree. Who has the bytes can cut them into chunks and
 * compare, and so knows that they are right without asking. `sha256` answers in base64url.
 */
export function fileTag(hashes: readonly string[], sha256: (text: string) => string): string {
  return `${fileTagStart}${sha256(hashes.join(' '))}"`
}

/** What an ETag of this kind begins with. */
export const fileTagStart = '"chunks:'
