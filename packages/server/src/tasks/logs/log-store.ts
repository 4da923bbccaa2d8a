import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { limits as serverLimits } from '../../lib/limits.ts'
import { type LogBlock, type LogLine, type LogPiece, toBlock } from './block.ts'
import { IndexReader } from './index-reader.ts'
import { folderBytes, logPath, partPath } from './log-path.ts'
import { openWriters } from './log-writers.ts'
import type { Mask } from './mask.ts'
import type { LogLimits, WriterOptions } from './open-logs.ts'
import { firstOutput, type LogPage, type PageQuery, readPage, readTail } from './read-page.ts'
import { readRaw, readStream, type StreamQuery } from './read-stream.ts'
import { readSmall } from './raw-file.ts'
import type { Source } from './record.ts'
import { searchLog, type SearchPage, type SearchQuery } from './search.ts'

export type { LogBlock, LogLine, LogPiece } from './block.ts'
export { escapePattern, type Mask, maskSecrets } from './mask.ts'
export type { LogPage, PageQuery } from './read-page.ts'
export type { StreamQuery } from './read-stream.ts'
export type { Source } from './record.ts'
export type { SearchPage, SearchQuery } from './search.ts'

export interface LogStoreOptions extends Omit<WriterOptions, 'limits'> {
  /** Bounds other than those of the server. */
  limits?: Partial<LogLimits>
}

/** Which lines to show, and how. */
export interface Filter {
  source?: Source
  mask?: Mask
}

/**
 * One numbered log per id, fed by parts. The output itself is never copied: others append it to raw files, and an
 * index numbers and stamps ranges of them.
 *
 *     <dir>/<log id>/index
 *     <dir>/<log id>/parts/<part>/{stdout,stderr,system}
 *
 * All that is known is in those files, so a store can be killed at any moment and opened again. Of all stores on one
 * folder, a single one may call `follow`, `finish`, `close` and `remove`; any may read.
 */
export interface LogStore {
  /** The folder of a part, made if it is not there; its writers append to `stdout`, `stderr` and `system` in it. */
  partDir(logId: string, part: number): string
  /** Begins to number the output of a part as it comes, from where the index leaves off. Resolves when that is so. */
  follow(logId: string, part: number): Promise<void>
  /**
   * Numbers all that the files of a part hold at the time of the call, syncs the index (and raw files that are not
   * large) and stops following. May be called again, also to pick up what came later.
   *
   * Throws `disk_full` when the index cannot be written; nothing is lost, and another call goes on from there.
   */
  finish(logId: string, part: number): Promise<void>
  /** Appends a line of the platform's own to `system`. It gets its number when the part is followed or finished. */
  note(logId: string, part: number, text: string): Promise<void>
  /** Says that no more is expected: streams that have caught up end, in other processes too. Following opens it again. */
  close(logId: string): Promise<void>
  /** One page of lines, bounded in bytes too. A log that does not exist is an empty one. */
  read(logId: string, query: PageQuery): Promise<LogPage>
  /** Lines that match, as far as one search looks: bounded in what it reads, and in what it answers. */
  search(logId: string, query: SearchQuery): Promise<SearchPage>
  /** Everything after a line, in blocks, and then what comes, until the log is closed. A follower pulls. */
  stream(logId: string, query?: StreamQuery): AsyncGenerator<LogBlock, void, void>
  /** The same, each block as `show` makes it from bytes that are good only during the call. */
  streamAs<T>(logId: string, query: StreamQuery, show: (piece: LogPiece) => T): AsyncGenerator<T, void, void>
  /** The bytes of the log so far, in the order of its lines, for a download. */
  raw(logId: string, filter?: Filter): Readable
  /** The last `limit` lines, fewer where they are larger than a page. */
  tail(logId: string, limit: number, filter?: Filter): Promise<LogLine[]>
  /** The number of the last line; 0 for a log that is empty or not there. */
  lastSeq(logId: string): Promise<number>
  /**
   * When a part wrote its first line, in milliseconds since the epoch; null: it has not, or too much else was written.
   *
   * @param sinceMs not before this time
   */
  firstOutput(logId: string, part: number, sinceMs: number): Promise<number | null>
  /** A small text that stands beside the output of a part, as far as its bound; empty where there is none. */
  beside(logId: string, part: number, name: 'packages'): Promise<string>
  /** Size of all files of the log, in bytes. */
  sizeBytes(logId: string): Promise<number>
  /** Stops following the log and deletes it. Streams of it end. */
  remove(logId: string): Promise<void>
  /** Stops following all logs, without reading on. */
  shutdown(): Promise<void>
}

/** Opens the logs in a folder. */
export function openLogStore(options: LogStoreOptions): LogStore {
  const { dir, clock } = options
  const limits: LogLimits = { ...serverLimits, ...options.limits }
  mkdirSync(dir, { recursive: true })
  const logDir = (logId: string) => logPath(dir, logId)
  const pageRules = { pageBytes: limits.logPageBytes, pageRecords: limits.logPageRecords }
  const waits = { pollMs: limits.logPollMs, unwatchedPollMs: limits.logUnwatchedPollMs }
  const streamAs: LogStore['streamAs'] = (logId, query, show) => {
    logDir(logId)
    return readStream({ logsDir: dir, logId, clock, ...waits }, query, show)
  }
  return {
    ...openWriters({ ...options, limits }),
    partDir(logId, part) {
      const path = partPath(logDir(logId), part)
      mkdirSync(path, { recursive: true })
      return path
    },
    async read(logId, query) {
      return await readPage(logDir(logId), { ...query, limit: Math.min(query.limit, limits.logPageLines) }, pageRules)
    },
    search: (logId, query) => searchLog(logDir(logId), query, { ...pageRules, searchBytes: limits.logSearchBytes }),
    stream: (logId, query = {}) => streamAs(logId, query, toBlock),
    streamAs,
    raw: (logId, filter = {}) => Readable.from(readRaw(logDir(logId), filter), { objectMode: false }),
    async tail(logId, limit, filter = {}) {
      return await readTail(logDir(logId), Math.min(limit, limits.logPageLines), filter, pageRules)
    },
    async lastSeq(logId) {
      const index = await IndexReader.open(join(logDir(logId), 'index'))
      if (!index) return 0
      try {
        return await index.lastSeq()
      } finally {
        await index.close()
      }
    },
    firstOutput: (logId, part, sinceMs) => firstOutput(logDir(logId), part, sinceMs, pageRules),
    beside: (logId, part, name) => readSmall(join(partPath(logDir(logId), part), name), limits.logBesideBytes),
    sizeBytes: (logId) => folderBytes(logDir(logId)),
  }
}
