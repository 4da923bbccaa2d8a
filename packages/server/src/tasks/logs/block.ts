import type { Mask } from './mask.ts'
import type { IndexRecord, Source } from './record.ts'

/** One line, as the API shows it. */
export interface LogLine {
  /** From 1, without gaps, over all sources of the log. */
  seq: number
  /** Milliseconds since the epoch when the line was seen; never less than that of the line before. */
  at: number
  source: Source
  /** Without the newline. Bytes that are no UTF-8 are shown as U+FFFD. */
  text: string
  /** The line goes on in the next one of the same source: it was too long, or had not ended for a while. */
  partial?: true
}

/** Lines of one source that belong together, as they are on the disk. */
export interface LogPiece {
  /** Number of the first line; the others follow it. */
  seq: number
  lines: number
  at: number
  source: Source
  /** The attempt that wrote them. */
  part: number
  /** The lines, joined by newlines; none at the end. Good only until the next piece is read. */
  bytes: Buffer
  /** Whether the last line goes on in the next piece of the same source. */
  partial: boolean
}

/** The same as text. */
export interface LogBlock extends Omit<LogPiece, 'bytes'> {
  text: string
}

/** Takes the place of the first line of those whose bytes are gone; the others are empty, so that numbers hold. */
export const removedNote = '[output was removed by the task]'

/** The one line of a record of the kind `lost`. */
export const shortenedNote = '[the task shortened its own output; what it holds from here on follows]'

/** The lines of a record whose number is above `after`. `bytes` are null when the file no longer has them. */
export function pieceOf(record: IndexRecord, bytes: Buffer | null, after: number, mask?: Mask): LogPiece {
  const all = contentOf(record, bytes)
  const skip = Math.max(0, after + 1 - record.seq)
  let start = 0
  for (let line = 0; line < skip; line++) start = all.indexOf(newline, start) + 1
  const wanted = all.subarray(start)
  return {
    seq: record.seq + skip,
    lines: record.lines - skip,
    at: record.at,
    source: record.source,
    part: record.part,
    bytes: mask ? Buffer.from(mask(wanted.toString('utf8'))) : wanted,
    partial: record.kind === 'partial',
  }
}

/** Bytes that are no UTF-8 become U+FFFD. */
export function toBlock({ bytes, ...piece }: LogPiece): LogBlock {
  return { ...piece, text: bytes.toString('utf8') }
}

/** The lines of a block one by one, `limit` at most. */
export function linesOf(block: LogBlock, limit: number): LogLine[] {
  const texts = block.text.split('\n')
  const lines = texts.slice(0, limit).map((text, i): LogLine => ({
    seq: block.seq + i,
    at: block.at,
    source: block.source,
    text,
  }))
  const last = lines.at(-1)
  if (last && block.partial && lines.length === block.lines) last.partial = true
  return lines
}

const newline = 10

function contentOf(record: IndexRecord, bytes: Buffer | null): Buffer {
  if (record.kind === 'lost') return Buffer.from(shortenedNote)
  if (!bytes) return Buffer.from(removedNote + '\n'.repeat(record.lines - 1))
  return bytes.subarray(0, record.kind === 'text' ? bytes.length - 1 : bytes.length)
}
