/** Bounds of trees of files, and of the requests that they travel in. Free of schemas: who sends files needs none. */

export const treeLimits = {
  /** Entries of one segment: cut by content at about 256, and here at the latest. */
  segmentEntries: 2048,
  /** Bytes of one segment before it is closed; one entry may go beyond, as that of a very large file does. */
  segmentBytes: 512 * 1024,
} as const

export const treeRequestLimits = {
  /** Hashes in one question: about 670 KB of JSON. */
  hashes: 10_000,
  /** Bytes of one parcel of chunks: a client fills it to the first, one large segment may take the second. */
  usualParcelBytes: 8 * 1024 * 1024,
  parcelBytes: 64 * 1024 * 1024,
} as const
