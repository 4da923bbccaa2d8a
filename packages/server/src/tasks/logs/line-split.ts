import { crc32 } from 'node:zlib'

const newline = 10

/** A run of whole lines, or of whole lines and one that does not end here; a range of the buffer that was split. */
export interface Piece {
  start: number
  length: number
  /** The partial line included. */
  lines: number
  partial: boolean
  contentCheck: number
}

export interface SplitRules {
  /** Longest line, its newline not counted. A longer one is cut there, at a UTF-8 boundary. */
  lineBytes: number
  /** Longest piece; more than `lineBytes`. */
  blockBytes: number
}

/**
 * Splits the first `length` bytes of `buffer`, which begin with a line, into pieces. Bytes after the last newline
 * that are no longer than a line are left over.
 */
export function splitLines(buffer: Buffer, length: number, rules: SplitRules): Piece[] {
  const pieces: Piece[] = []
  let start = 0
  let lines = 0
  let at = 0
  const cut = (partial: boolean) => {
    if (at > start) pieces.push(pieceOf(buffer, start, at, lines, partial))
    start = at
    lines = 0
  }
  while (at < length) {
    // Every line between `at` and the last newline of the window is short enough, so none needs a look of its own.
    const end = Math.min(at + rules.lineBytes + 1, length)
    const last = at + buffer.subarray(at, end).lastIndexOf(newline)
    if (last >= at) {
      if (last + 1 - start > rules.blockBytes) cut(false)
      lines += countNewlines(buffer, at, last + 1)
      at = last + 1
    } else if (end - at > rules.lineBytes) {
      const stop = utf8Boundary(buffer, at, at + rules.lineBytes)
      if (stop - start > rules.blockBytes) cut(false)
      at = stop > at ? stop : at + rules.lineBytes
      lines += 1
      cut(true)
    } else break
  }
  cut(false)
  return pieces
}

/** The bytes from `start` to `end` as one piece that does not end its line. They hold no newline. */
export function partialPiece(buffer: Buffer, start: number, end: number): Piece {
  return pieceOf(buffer, start, end, 1, true)
}

/**
 * The last place at or before `end`, and after `start`, that is not inside a UTF-8 character; `start` when the bytes
 * are only the beginning of one character, `end` when they are no UTF-8.
 *
 * `buffer` may hold bytes after `end`; they are not looked at.
 */
export function utf8Boundary(buffer: Buffer, start: number, end: number): number {
  for (let at = end - 1; at >= start && at >= end - 4; at--) {
    const byte = buffer[at] ?? 0
    if (byte < 0x80) return end
    if (byte >= 0xc0) return at + utf8Length(byte) > end ? at : end
  }
  return end
}

/** How many newlines there are from `start` to `end`: four bytes at a time, as fast whatever the lines are like. */
export function countNewlines(buffer: Buffer, start: number, end: number): number {
  let count = 0
  let at = start
  for (; at < end && ((buffer.byteOffset + at) & 3) !== 0; at++) if (buffer[at] === newline) count++
  if (at === end) return count
  const words = new Int32Array(buffer.buffer, buffer.byteOffset + at, (end - at) >> 2)
  for (let word = 0; word < words.length;) {
    // One counter per byte lane; 255 rounds fill none of them.
    const stop = Math.min(words.length, word + 255)
    let lanes = 0
    for (; word < stop; word++) {
      const bits = (words[word] ?? 0) ^ 0x0a0a0a0a
      lanes = (lanes + (~(((bits & 0x7f7f7f7f) + 0x7f7f7f7f) | bits | 0x7f7f7f7f) >>> 7)) | 0
    }
    count += (lanes & 255) + ((lanes >>> 8) & 255) + ((lanes >>> 16) & 255) + (lanes >>> 24)
  }
  for (at += words.length << 2; at < end; at++) if (buffer[at] === newline) count++
  return count
}

function pieceOf(buffer: Buffer, start: number, end: number, lines: number, partial: boolean): Piece {
  return { start, length: end - start, lines, partial, contentCheck: crc32(buffer.subarray(start, end)) }
}

function utf8Length(lead: number): number {
  if (lead >= 0xf8) return 1
  if (lead >= 0xf0) return 4
  return lead >= 0xe0 ? 3 : 2
}
