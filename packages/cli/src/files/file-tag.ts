import { createHash, hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { chunkLength, chunkSizes } from '@nabla/api/chunker'
import { fileTag, fileTagStart } from '@nabla/api/tree-format'
import { limits } from '../limits.ts'

/** Whether an ETag says what the bytes of its file are, see `fileTag`. */
export const saysBytes = (etag: string): boolean => etag.startsWith(fileTagStart)

/** The ETag that a file would have in a tree: cuts and hashes it, as whoever sent it did. */
export async function tagOf(file: FileHandle): Promise<string> {
  const hashes: string[] = []
  const buffer = Buffer.allocUnsafe(2 * chunkSizes.maxBytes)
  let [filled, position, ended] = [0, 0, false]
  while (filled > 0 || !ended) {
    while (!ended && filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position)
      filled += bytesRead
      position += bytesRead
      ended = bytesRead === 0
    }
    let at = 0
    while (at < filled && (ended || filled - at >= chunkSizes.maxBytes)) {
      const length = chunkLength(buffer, at, filled)
      hashes.push(hash('sha256', buffer.subarray(at, at + length), 'hex'))
      at += length
    }
    buffer.copyWithin(0, at, filled)
    filled -= at
  }
  return fileTag(hashes, (text) => hash('sha256', text, 'base64url'))
}

/** SHA-256 of a file, in hex. */
export async function sha256Of(file: FileHandle): Promise<string> {
  const sha256 = createHash('sha256')
  const pieces = file.createReadStream({ start: 0, highWaterMark: limits.readBytes, autoClose: false })
  for await (const piece of pieces) sha256.update(piece as Uint8Array)
  return sha256.digest('hex')
}
