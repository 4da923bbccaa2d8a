import { AppError } from '../lib/app-error.ts'

/** Part of a file. `end` is included, as in HTTP, and may lie beyond the end; a negative `start` counts from the end. */
export interface ByteRange {
  start: number
  end?: number
}

/** Where the part begins in a file of this size, and how many bytes it has. Throws `bad_range`. */
export function resolveRange(
  range: ByteRange | undefined,
  sizeBytes: number,
  path: string,
): { start: number; length: number } {
  if (!range) return { start: 0, length: sizeBytes }
  const start = range.start < 0 ? Math.max(sizeBytes + range.start, 0) : range.start
  const end = Math.min(range.end ?? sizeBytes - 1, sizeBytes - 1)
  if (start > end) throw new AppError('bad_range', { path, size: sizeBytes })
  return { start, length: end - start + 1 }
}
