import { join } from 'node:path'
import { linesOf, type LogLine, pieceOf, toBlock } from './block.ts'
import { IndexReader } from './index-reader.ts'
import type { Mask } from './mask.ts'
import { RawWindow } from './raw-window.ts'
import type { IndexRecord, Source } from './record.ts'

export interface PageQuery {
  /** Only lines with a higher number. */
  after?: number
  /** Only lines seen at or after this time, in milliseconds since the epoch. */
  sinceMs?: number
  /** Most lines. */
  limit: number
  source?: Source
  mask?: Mask
}

export interface LogPage {
  lines: LogLine[]
  /** The `after` of the next page. */
  next: number
  /** The number of the last line of the log so far; the page is the last one when `next` has reached it. */
  last: number
}

export interface PageRules {
  pageBytes: number
  /** Index records that one page looks at, where a source is asked for that says little. */
  pageRecords: number
}

/** One page of a log. A log that does not exist (yet) is an empty one. */
export async function readPage(logDir: string, query: PageQuery, rules: PageRules): Promise<LogPage> {
  const index = await IndexReader.open(join(logDir, 'index'))
  const after = query.after ?? 0
  if (!index) return { lines: [], next: after, last: 0 }
  const raw = new RawWindow(logDir)
  try {
    const last = await index.lastSeq()
    const page: LogPage = { lines: [], next: after, last }
    let position = await startOf(index, after, query.sinceMs)
    let bytes = 0
    for (let seen = 0; seen < rules.pageRecords;) {
      const records = await index.records(position)
      if (records.length === 0) break
      for (const record of records) {
        if (page.lines.length >= query.limit || bytes >= rules.pageBytes || record.seq > last) return page
        const lines = wanted(record, query.source)
          ? linesOf(
              toBlock(pieceOf(record, await raw.bytes(record), page.next, query.mask)),
              Math.min(query.limit - page.lines.length, record.lines),
            )
          : []
        const taken = lines.length > 0 ? withinBytes(lines, rules.pageBytes - bytes) : lines
        for (const line of taken) bytes += line.text.length
        page.lines.push(...taken)
        page.next = Math.max(page.next, taken.at(-1)?.seq ?? record.seq + record.lines - 1)
        if (taken.length < lines.length) return page
      }
      position += records.length
      seen += records.length
    }
    return page
  } finally {
    await raw.close()
    await index.close()
  }
}

/** The last `limit` lines of a log, fewer where they are larger than a page. */
export async function readTail(
  logDir: string,
  limit: number,
  query: { source?: Source; mask?: Mask },
  rules: PageRules,
): Promise<LogLine[]> {
  const index = await IndexReader.open(join(logDir, 'index'))
  if (!index) return []
  const raw = new RawWindow(logDir)
  try {
    const blocks: LogLine[][] = []
    let count = 0
    let bytes = 0
    let position = (await index.count()) - 1
    for (let seen = 0; position >= 0 && count < limit && seen < rules.pageRecords; position--, seen++) {
      const record = await index.at(position)
      if (!record || !wanted(record, query.source)) continue
      const after = record.seq + record.lines - 1 - (limit - count)
      const lines = linesOf(toBlock(pieceOf(record, await raw.bytes(record), after, query.mask)), record.lines)
      const taken = withinBytes(lines.toReversed(), rules.pageBytes - bytes).toReversed()
      blocks.push(taken)
      count += taken.length
      for (const line of taken) bytes += line.text.length
      if (taken.length < lines.length) break
    }
    return blocks.toReversed().flat()
  } finally {
    await raw.close()
    await index.close()
  }
}

/** When a part wrote its first line that is no note of ours; null: not in the records that one page looks at. */
export async function firstOutput(
  logDir: string,
  part: number,
  sinceMs: number,
  rules: PageRules,
): Promise<number | null> {
  const index = await IndexReader.open(join(logDir, 'index'))
  if (!index) return null
  try {
    let position = await index.positionOfTime(sinceMs)
    for (let seen = 0; seen < rules.pageRecords;) {
      const records = await index.records(position)
      const first = records.find((record) => record.part === part && wanted(record) && record.source !== 'system')
      if (first) return first.at
      if (records.length === 0) return null
      position += records.length
      seen += records.length
    }
    return null
  } finally {
    await index.close()
  }
}

/** Position of the record to begin with. */
export async function startOf(index: IndexReader, after: number, sinceMs?: number): Promise<number> {
  const bySeq = after > 0 ? await index.positionOfSeq(after + 1) : 0
  return sinceMs === undefined ? bySeq : Math.max(bySeq, await index.positionOfTime(sinceMs))
}

/** Whether a record has lines, and of the source that is asked for. */
export function wanted(record: IndexRecord, source?: Source): boolean {
  return record.kind !== 'end' && (source === undefined || record.source === source)
}

/** The first lines that fit; one at least. */
function withinBytes(lines: LogLine[], bytes: number): LogLine[] {
  let left = bytes
  const end = lines.findIndex((line, i) => {
    left -= line.text.length
    return left < 0 && i > 0
  })
  return end < 0 ? lines : lines.slice(0, end)
}
