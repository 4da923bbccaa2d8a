/**
 * Cuts a list for queries with `in (…)` or many rows, at most `most` (a power of two) in each. All lengths are powers
 * of two, so that the database meets few different statements and keeps them prepared.
 */
export function* inBatches<T>(values: readonly T[], most: number): Generator<T[]> {
  let start = 0
  for (let length = most; start < values.length; length /= 2) {
    for (; start + length <= values.length; start += length) yield values.slice(start, start + length)
  }
}
