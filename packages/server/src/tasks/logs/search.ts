import { join } from 'node:path'
import { type LogBlock, type LogLine, pieceOf, toBlock } from './block.ts'
import { IndexReader } from './index-reader.ts'
import type { Mask } from './mask.ts'
import { RawWindow } from './raw-window.ts'
import { startOf, wanted } from './read-page.ts'
import { type IndexRecord, lastSeqOf, type Source } from './record.ts'

export interface SearchQuery {
  /** Global and over several lines. Nothing that a user wrote as a pattern: one such can take for ever. */
  pattern: RegExp
  /** Only lines with a higher number. */
  after?: number
  /** Only lines with a lower number; the search goes backwards from there. */
  before?: number
  /** Most lines. */
  limit: number
  source?: Source
  /** Applied before anything is looked for: what is hidden cannot be found out by searching. */
  mask?: Mask
}

export interface SearchPage {
  /** Those that match, in the order in which they were found: newest first with `before`. */
  lines: LogLine[]
  /** How far was looked: the `after`, or the `before`, of the next search. */
  next: number
  /** The number of the last line of the log so far. */
  last: number
  /** Whether there was nothing more to look at. */
  complete: boolean
}

export interface SearchRules {
  pageBytes: number
  pageRecords: number
  /** Output that one search looks through before it answers with what it has. */
  searchBytes: number
}

/** Looks through a log for lines that match, forwards or backwards, as far as one request may. */
export async function searchLog(logDir: string, query: SearchQuery, rules: SearchRules): Promise<SearchPage> {
  const index = await IndexReader.open(join(logDir, 'index'))
  if (!index) return { lines: [], next: query.before ?? query.after ?? 0, last: 0, complete: true }
  const raw = new RawWindow(logDir)
  try {
    const last = await index.lastSeq()
    const search = new Search(query, rules, last)
    for await (const record of query.before === undefined ? forwards(index, query) : backwards(index, query.before)) {
      if (!(await search.look(record, raw))) break
    }
    return search.page()
  } finally {
    await raw.close()
    await index.close()
  }
}

/** What was found so far, and what may still be spent. */
class Search {
  readonly #query: SearchQuery
  readonly #rules: SearchRules
  readonly #last: number
  readonly #lines: LogLine[] = []
  #next: number
  #foundBytes = 0
  #readBytes = 0
  #records = 0
  #stopped = false

  constructor(query: SearchQuery, rules: SearchRules, last: number) {
    this.#query = query
    this.#rules = rules
    this.#last = last
    this.#next = query.before ?? query.after ?? 0
  }

  /** Looks through one record; false when this search is over and there may be more. */
  async look(record: IndexRecord, raw: RawWindow): Promise<boolean> {
    const { source, mask, after = 0, before, limit } = this.#query
    const { pageRecords, searchBytes, pageBytes } = this.#rules
    this.#records += 1
    this.#readBytes += record.length
    if (wanted(record, source) && record.seq <= this.#last) {
      const piece = pieceOf(record, await raw.bytes(record), before === undefined ? after : 0, mask)
      const found = matchesIn(toBlock(piece), this.#query.pattern)
      for (const line of before === undefined ? found : found.toReversed()) {
        if (before !== undefined && line.seq >= before) continue
        if (this.#lines.length >= limit || this.#foundBytes >= pageBytes) return this.#stop()
        this.#lines.push(line)
        this.#foundBytes += line.text.length
        this.#next = line.seq
      }
    }
    this.#next = before === undefined ? Math.max(this.#next, lastSeqOf(record)) : Math.min(this.#next, record.seq)
    return this.#records < pageRecords && this.#readBytes < searchBytes ? true : this.#stop()
  }

  page(): SearchPage {
    return { lines: this.#lines, next: this.#next, last: this.#last, complete: !this.#stopped }
  }

  #stop(): false {
    this.#stopped = true
    return false
  }
}

/** The lines of a block that match; the block is looked through whole, which is many times faster than line by line. */
function matchesIn(block: LogBlock, pattern: RegExp): LogLine[] {
  const { text, at, source, seq } = block
  const lines: LogLine[] = []
  let line = 0
  let counted = 0
  pattern.lastIndex = 0
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    for (let end = text.indexOf('\n', counted); end !== -1 && end < match.index; end = text.indexOf('\n', counted)) {
      line += 1
      counted = end + 1
    }
    const newline = text.indexOf('\n', match.index)
    const end = newline === -1 ? text.length : newline
    const goesOn = block.partial && line === block.lines - 1
    lines.push({ seq: seq + line, at, source, text: text.slice(counted, end), ...(goesOn ? { partial: true } : {}) })
    if (newline === -1) break
    pattern.lastIndex = newline + 1
  }
  return lines
}

async function* forwards(index: IndexReader, { after = 0 }: SearchQuery): AsyncGenerator<IndexRecord> {
  for (let position = await startOf(index, after); ;) {
    const records = await index.records(position)
    if (records.length === 0) return
    yield* records
    position += records.length
  }
}

async function* backwards(index: IndexReader, before: number): AsyncGenerator<IndexRecord> {
  const count = await index.count()
  const holds = before > 1 ? await index.positionOfSeq(before - 1) : -1
  for (let end = Math.min(holds + 1, count); end > 0;) {
    const start = Math.max(0, end - 256)
    const records = (await index.records(start)).slice(0, end - start)
    yield* records.toReversed()
    end = start
  }
}
