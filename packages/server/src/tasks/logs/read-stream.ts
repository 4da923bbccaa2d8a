import { join } from 'node:path'
import { type LogPiece, pieceOf, removedNote } from './block.ts'
import { ChangeWatch, type WatchPlace } from './change-watch.ts'
import { IndexReader } from './index-reader.ts'
import type { Mask } from './mask.ts'
import { RawWindow } from './raw-window.ts'
import { startOf, wanted } from './read-page.ts'
import { lastSeqOf, type Source } from './record.ts'

export interface StreamQuery {
  /** Only lines with a higher number. */
  after?: number
  /** Only lines seen at or after this time, in milliseconds since the epoch. */
  sinceMs?: number
  source?: Source
  mask?: Mask
  /** Ends the stream; it does not throw. */
  signal?: AbortSignal
  /** Asked when all is read: whether the log is over although nobody has closed it. */
  ended?: () => boolean | Promise<boolean>
}

/**
 * The log from `after` on, and then as it grows, until it is closed or removed. Reads only as it is pulled.
 *
 * @param show makes of a piece what the follower gets; the bytes of the piece are good only during the call
 */
export async function* readStream<T>(
  place: WatchPlace,
  query: StreamQuery,
  show: (piece: LogPiece) => T,
): AsyncGenerator<T, void, void> {
  const watch = new ChangeWatch(place)
  const cursor: Cursor = { after: query.after ?? 0, position: null, closed: false }
  let existed = false
  try {
    while (!query.signal?.aborted) {
      const over = (await query.ended?.()) ?? false
      const before = cursor.position
      const exists = yield* readOn(place, query, cursor, show)
      if (existed && !exists) return
      existed = exists
      if (cursor.closed) return
      if (over && cursor.position === before) return
      await watch.next(query.signal)
    }
  } finally {
    watch.close()
  }
}

/** The bytes of the log so far, in the order of the lines. */
export async function* readRaw(
  logDir: string,
  query: { source?: Source; mask?: Mask },
): AsyncGenerator<Buffer, void, void> {
  const index = await IndexReader.open(join(logDir, 'index'))
  if (!index) return
  const raw = new RawWindow(logDir)
  try {
    const count = await index.count()
    for (let position = 0; position < count;) {
      const records = await index.records(position)
      if (records.length === 0) return
      for (const record of records.slice(0, count - position)) {
        if (!wanted(record, query.source) || record.kind === 'lost') continue
        const bytes = await raw.bytes(record)
        const given = bytes ? masked(bytes, query.mask) : Buffer.from(`${removedNote}\n`)
        raw.trim()
        yield given
      }
      position += records.length
    }
  } finally {
    await raw.close()
    await index.close()
  }
}

interface Cursor {
  after: number
  /** Position of the next record; null until the log is there. */
  position: number | null
  /** Whether the last record said that the log is closed. */
  closed: boolean
}

/**
 * Yields what there is now. Nothing is held open while a follower that has caught up waits.
 *
 * @returns whether there is such a log
 */
async function* readOn<T>(
  place: WatchPlace,
  query: StreamQuery,
  cursor: Cursor,
  show: (piece: LogPiece) => T,
): AsyncGenerator<T, boolean, void> {
  const logDir = join(place.logsDir, place.logId)
  const index = await IndexReader.open(join(logDir, 'index'))
  if (!index) return false
  const raw = new RawWindow(logDir)
  try {
    if (cursor.position === null) {
      cursor.position = await startOf(index, cursor.after, query.sinceMs)
      cursor.closed = await endsBefore(index, cursor.position)
    }
    for (;;) {
      const records = await index.records(cursor.position)
      if (records.length === 0) return true
      for (const record of records) {
        if (query.signal?.aborted) return true
        cursor.position += 1
        cursor.closed = record.kind === 'end'
        if (!wanted(record, query.source) || lastSeqOf(record) <= cursor.after) continue
        const shown = show(pieceOf(record, await raw.bytes(record), cursor.after, query.mask))
        raw.trim()
        cursor.after = lastSeqOf(record)
        yield shown
      }
    }
  } finally {
    await raw.close()
    await index.close()
  }
}

/** Whether the record before this position closes the log; one that begins behind it would wait for ever otherwise. */
async function endsBefore(index: IndexReader, position: number): Promise<boolean> {
  if (position === 0) return false
  const [previous] = await index.records(position - 1)
  return previous?.kind === 'end'
}

/** A copy of the bytes with secrets hidden; bytes in which there are none stay as they are, text or not. */
function masked(bytes: Buffer, mask?: Mask): Buffer {
  if (!mask) return Buffer.from(bytes)
  const text = bytes.toString('utf8')
  const hidden = mask(text)
  return hidden === text ? Buffer.from(bytes) : Buffer.from(hidden)
}
