/**
 * Content-defined chunking after FastCDC (Xia et al., USENIX ATC 2016): a gear hash slides over the bytes and cuts where
 * its high bits are zero, so that a change moves only the cuts near it. Sizes are normalised by a stricter mask before
 * the normal size and a looser one behind it. Part of the protocol: client and server must cut alike, or nothing is
 * shared, so these numbers never change under the same version of a tree.
 */
export const chunkSizes = {
  /** Files up to this size are one chunk. */
  minBytes: 128 * 1024,
  normalBytes: 512 * 1024,
  maxBytes: 1024 * 1024,
} as const

/**
 * Length of the chunk that begins at `start`, at most `chunkSizes.maxBytes`. `bytes` must hold `maxBytes` from `start`
 * on, or all that there is; the rest of a file that is shorter is its last chunk.
 */
export function chunkLength(bytes: Uint8Array, start: number, end = bytes.byteLength): number {
  const left = end - start
  if (left <= chunkSizes.minBytes) return left
  const normal = start + Math.min(chunkSizes.normalBytes, left)
  const last = start + Math.min(chunkSizes.maxBytes, left)
  let position = start + chunkSizes.minBytes
  let hash = 0
  for (; position < normal; position++) {
    hash = ((hash << 1) + (gear[bytes[position] as number] as number)) | 0
    if ((hash & strictMask) === 0) return position + 1 - start
  }
  for (; position < last; position++) {
    hash = ((hash << 1) + (gear[bytes[position] as number] as number)) | 0
    if ((hash & looseMask) === 0) return position + 1 - start
  }
  return last - start
}

/** High bits see the most bytes: each shift moves a byte up by one bit. */
const strictMask = ~0 << (32 - 20)
const looseMask = ~0 << (32 - 17)

/** One fixed random number for each value of a byte: splitmix32 from the seed 1. */
const gear = makeGear()

function makeGear(): Int32Array {
  const table = new Int32Array(256)
  let state = 1
  for (let index = 0; index < table.length; index++) {
    state = (state + 0x9e3779b9) | 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    table[index] = mixed ^ (mixed >>> 15)
  }
  return table
}
