import { hash as hashOnce, createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib'
import { type FrameHead, frameHeadBytes, maxChunkBytes } from '@nabla/api/chunk-frame'
import type { Pace } from '../lib/pace.ts'

/** What is wrong with a frame, in half a sentence. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/**
 * The chunk of a frame: decompressed if it was compressed, and compared with the length and the SHA-256 of its head.
 * `stored` are the bytes behind the head; what is returned may be the same memory. Throws FrameError. Never holds
 * more than the head says, whatever the bytes would inflate to.
 */
export async function openFrame(head: FrameHead, stored: Buffer, pace: Pace): Promise<Buffer> {
  const wrong = checkHead(head)
  if (wrong !== undefined) throw new FrameError(wrong)
  const chunk = head.compressed ? await inflate(head, stored) : stored
  if (chunk.length !== head.sizeBytes) {
    throw new FrameError(`it has ${chunk.length} bytes instead of ${head.sizeBytes}`)
  }
  const actual = await hashChunk(chunk, pace)
  if (actual !== head.hash) throw new FrameError(`its SHA-256 is ${actual}`)
  return chunk
}

/** Half a sentence on what no head may say. */
export function checkHead(head: FrameHead): string | undefined {
  const { sizeBytes, storedBytes, compressed } = head
  if (sizeBytes === 0) return 'it is empty'
  if (sizeBytes > maxChunkBytes) return `it has ${sizeBytes} bytes, which is more than ${maxChunkBytes}`
  if (!compressed && storedBytes !== sizeBytes) return `it says ${sizeBytes} bytes and brings ${storedBytes}`
  if (compressed && storedBytes >= sizeBytes) return 'it is compressed and no smaller for it'
  return undefined
}

/** SHA-256 in hex. */
export async function hashChunk(chunk: Uint8Array, pace: Pace): Promise<string> {
  if (chunk.length <= largeBytes) return hashOnce('sha256', chunk, 'hex')
  const hash = createHash('sha256')
  for (let start = 0; start < chunk.length; start += largeBytes) {
    hash.update(chunk.subarray(start, start + largeBytes))
    await pace.rest()
  }
  return hash.digest('hex')
}

/** Compresses a chunk where that makes it smaller by a twentieth at least; otherwise answers undefined. */
export async function deflate(chunk: Uint8Array): Promise<Buffer | undefined> {
  if (chunk.length < leastBytes) return undefined
  const options = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
  const packed = chunk.length <= smallBytes ? zstdCompressSync(chunk, options) : await compressAside(chunk, options)
  return packed.length < chunk.length * 0.95 ? packed : undefined
}

/** Whole length of a frame. */
export const frameBytes = (head: Pick<FrameHead, 'storedBytes'>): number => frameHeadBytes + head.storedBytes

/** Chunks up to the first are handled at once, larger ones on another thread; those beyond the second are hashed in slices. */
const smallBytes = 64 * 1024
const largeBytes = 1024 * 1024
/** Below this, what zstd adds is more than what it saves. */
const leastBytes = 64

const compressAside = promisify(zstdCompress)
const decompressAside = promisify(zstdDecompress)

async function inflate(head: FrameHead, stored: Buffer): Promise<Buffer> {
  const options = {
    maxOutputLength: head.sizeBytes,
    chunkSize: Math.min(Math.max(head.sizeBytes, 64), largeBytes),
    // What the decompressor may take for itself is set by the frame; none of ours needs more than the chunk has.
    params: { [constants.ZSTD_d_windowLogMax]: head.sizeBytes <= largeBytes ? 23 : 26 },
  }
  try {
    return head.sizeBytes <= smallBytes ? zstdDecompressSync(stored, options) : await decompressAside(stored, options)
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    if (error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new FrameError(`it inflates to more than its ${head.sizeBytes} bytes`, { cause: error })
    }
    if (!/^(Z_|ZSTD_)/.test(String(error.code))) throw error
    throw new FrameError('its compressed data is damaged', { cause: error })
  }
}
