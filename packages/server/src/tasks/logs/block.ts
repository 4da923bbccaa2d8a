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

/** Lines of one source that belong together, as a follower gets them. */
export interface LogBlock {
  /** Number of the first line; the others follow it. */
  seq: number
  lines: number
  at: number
  source: Source
  /** The attempt that wrote them. */
  part: number
  /** The lines, joined by newlines; none at the end. */
  text: string
  /** Whether the last line goes on in the next block of the same source. */
  partial: boolean
}

/** Takes the place of the first line of those whose bytes are gone; the others are empty, so that numbers hold. */
export const removedNote = '[output was removed by the task]'

/** The one line of a record of the kind `lost`. */
export const shortenedNote = '[the task shortened its own output; what it holds from here on follows]'

/** The lines of a record whose number is above `after`. `bytes` are null when the file no longer has them. */
export function blockOf(record: IndexRecord, bytes: Buffer | null, after: number, mask?: Mask): LogBlock {
  const text = textOf(record, bytes)
  const skip = Math.max(0, after + 1 - record.seq)
  let start = 0
  for (let line = 0; line < skip; line++) start = text.indexOf('\n', start) + 1
  const wanted = text.slice(start)
  return {
    seq: record.seq + skip,
    lines: record.lines - skip,
    at: record.at,
    source: record.source,
    part: record.part,
    text: mask ? mask(wanted) : wanted,
    partial: record.kind === 'partial',
  }
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

function textOf(record: IndexRecord, bytes: Buffer | null): string {
  if (record.kind === 'lost') return shortenedNote
  if (!bytes) return removedNote + '\n'.repeat(record.lines - 1)
  return bytes.toString('utf8', 0, record.kind === 'text' ? bytes.length - 1 : bytes.length)
}
