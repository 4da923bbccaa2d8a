/**
 * How chunks travel and are stored: one frame after another, each a head of 40 bytes and the bytes of the chunk,
 * compressed with zstd (RFC 8878) where that makes them fewer. The head is the SHA-256 of the chunk (32 bytes), its
 * length, and the length of what follows (each 4 bytes, big endian; the top bit of the second says: compressed).
 */
export interface FrameHead {
  /** SHA-256 of the chunk, in hex. */
  hash: string
  sizeBytes: number
  /** Bytes that follow the head. */
  storedBytes: number
  compressed: boolean
}

export const frameHeadBytes = 40

/** Most bytes of one chunk: segments of a tree are the largest ones. */
export const maxChunkBytes = 63 * 1024 * 1024

const compressedBit = 0x8000_0000

/** Writes a head into `target` at `offset`. */
export function writeFrameHead(target: Uint8Array, offset: number, head: FrameHead): void {
  for (let index = 0; index < 32; index++) {
    const at = index * 2
    target[offset + index] = (digit(head.hash.charCodeAt(at)) << 4) | digit(head.hash.charCodeAt(at + 1))
  }
  const view = new DataView(target.buffer, target.byteOffset + offset)
  view.setUint32(32, head.sizeBytes)
  view.setUint32(36, (head.storedBytes | (head.compressed ? compressedBit : 0)) >>> 0)
}

/** Reads the head at `offset`, of which all bytes must be there. Lengths are not judged. */
export function readFrameHead(bytes: Uint8Array, offset: number): FrameHead {
  let hash = ''
  for (let index = 0; index < 32; index++) hash += hex[bytes[offset + index] as number]
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset)
  const stored = view.getUint32(36)
  return {
    hash,
    sizeBytes: view.getUint32(32),
    storedBytes: (stored & ~compressedBit) >>> 0,
    compressed: stored >= compressedBit,
  }
}

/** What a digit of lower-case hex stands for, by its code. */
const digit = (code: number): number => (code < 58 ? code - 48 : code - 87)

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
