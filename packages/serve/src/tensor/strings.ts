/** Strings of a tensor: one after another, each behind its length in four bytes, little-endian. */

/** Puts byte strings together. */
export function packStrings(values: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const value of values) size += 4 + value.length
  const packed = Buffer.allocUnsafe(size)
  let at = 0
  for (const value of values) {
    packed.writeUInt32LE(value.length, at)
    packed.set(value, at + 4)
    at += 4 + value.length
  }
  return packed
}

/** Takes them apart; null where the lengths do not add up. */
export function unpackStrings(packed: Uint8Array): Uint8Array[] | null {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const values: Uint8Array[] = []
  let at = 0
  while (at < packed.length) {
    if (at + 4 > packed.length) return null
    const end = at + 4 + view.getUint32(at, true)
    if (end > packed.length) return null
    values.push(packed.subarray(at + 4, end))
    at = end
  }
  return values
}
