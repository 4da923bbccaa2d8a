import { jobStates, type JobState } from '@nabla/api/job'
import type { LogBlock as ApiBlock, LogLine as ApiLine, LogSource } from '@nabla/api/log'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { encodeJsonText } from '../../lib/json-text.ts'
import { limits } from '../../lib/limits.ts'
import { SpareBuffers } from '../../lib/spare-buffers.ts'
import {
  escapePattern,
  type Filter,
  type LogLine,
  type LogPiece,
  type Mask,
  maskSecrets,
} from '../../tasks/logs/log-store.ts'
import { readHidden } from '../../tasks/hidden-values.ts'
import { readSpec } from './planned.ts'
import type { JobRow } from '../../db/tables.ts'
import { findJob, type JobWithNames } from './view.ts'
import type { Handlers, StreamItem } from '../kind.ts'
import { resolveSecrets } from '../secret.ts'

/** Reading the log of a job: pages, stream and download. Values of its secrets are masked wherever they appear. */
export const jobLogHandlers: Pick<Handlers<'job'>, 'logs' | 'searchLogs' | 'followLogs' | 'downloadLogs'> = {
  async logs({ caller, params, query }, deps) {
    const row = await findJob(deps, caller, params.job)
    const filter = await logFilter(deps, row, query.source)
    const { ended } = jobStates[row.state as JobState]
    if (query.tail !== undefined) {
      const lines = await deps.logs.tail(row.id, query.tail, filter)
      const last = await deps.logs.lastSeq(row.id)
      return { items: lines.map(logLineOf), next: last, last, ended }
    }
    const page = await deps.logs.read(row.id, {
      ...filter,
      ...(query.after === undefined ? {} : { after: query.after }),
      ...(query.since === undefined ? {} : { sinceMs: toMs(query.since) }),
      limit: query.limit,
    })
    return { items: page.lines.map(logLineOf), next: page.next, last: page.last, ended }
  },

  async searchLogs({ caller, params, query }, deps) {
    const row = await findJob(deps, caller, params.job)
    const { text, errors, after, before, limit } = query
    if (!text && !errors) throw new AppError('invalid', { detail: 'Say what to look for: `text`, or `errors`.' })
    const found = await deps.logs.search(row.id, {
      ...(await logFilter(deps, row, query.source)),
      pattern: text ? new RegExp(escapePattern(text), 'gi') : looksLikeError(),
      limit,
      ...(after === undefined ? {} : { after }),
      ...(before === undefined ? {} : { before }),
    })
    return { items: found.lines.map(logLineOf), next: found.next, last: found.last, complete: found.complete }
  },

  async followLogs({ caller, params, query, headers, signal }, deps) {
    const row = await findJob(deps, caller, params.job)
    const resume = Number(headers['last-event-id'] ?? query.after ?? 0)
    if (!Number.isSafeInteger(resume) || resume < 0) {
      throw new AppError('invalid', { detail: 'Last-Event-ID is not the number of a line.' })
    }
    // The server may have been killed after the job had ended and before the log was closed.
    if (jobStates[row.state as JobState].ended) await deps.logs.close(row.id)
    return { events: follow(deps, row, { ...query, after: resume }, await maskOf(deps, row), signal) }
  },

  async downloadLogs({ caller, params, query }, deps) {
    const row = await findJob(deps, caller, params.job)
    const body = deps.logs.raw(row.id, await logFilter(deps, row, query.source))
    return { body, contentType: 'text/plain; charset=utf-8', fileName: `${row.name}.log` }
  },
}

function follow(
  deps: Deps,
  row: JobWithNames,
  query: { after: number; since?: string | undefined; source?: LogSource | undefined },
  mask: Mask | undefined,
  signal: AbortSignal,
): AsyncIterable<StreamItem> {
  const window = {
    after: query.after,
    ...(query.since === undefined ? {} : { sinceMs: toMs(query.since) }),
    ...(query.source ? { source: query.source } : {}),
    ...(mask && { mask }),
    signal,
  }
  return deps.logs.streamAs(row.id, window, toEvent)
}

const toEvent = (piece: LogPiece): StreamItem => logEvent(piece, String(piece.seq + piece.lines - 1), {})

/** A block of the contract with more fields, made of bytes: through here goes all that jobs write. */
export function logEvent(piece: LogPiece, id: string, more: Record<string, unknown>): StreamItem {
  const { seq, lines, at, source, bytes, partial } = piece
  const rest: Omit<ApiBlock, 'text'> = { seq, lines, at: toIso(at), source, ...(partial ? { partial } : {}), ...more }
  const before = `${JSON.stringify(rest).slice(0, -1)},"text":`
  if (bytes.length < smallBytes) return { id, json: encodeJsonText(bytes, before, '}') }
  let lent: Buffer | undefined
  const json = encodeJsonText(bytes, before, '}', (size) => (lent = spares.take(size)))
  return { id, json, sent: () => lent && spares.give(lent) }
}

/** Up to here a new buffer costs next to nothing. */
const smallBytes = 32 * 1024

/** Room for a block with as many escapes as characters. */
const spares = new SpareBuffers(2 * limits.logBlockBytes + 1024, limits.logSpareBuffers)

/** Which lines of a job's log to read, with its secrets masked. */
export async function logFilter(deps: Deps, row: JobRow, source: LogSource | undefined): Promise<Filter> {
  const mask = await maskOf(deps, row)
  return { ...(source && { source }), ...(mask && { mask }) }
}

/** Undefined when there is nothing to hide. */
async function maskOf(deps: Deps, row: JobRow): Promise<Mask | undefined> {
  const { spec } = readSpec(row)
  const names = Object.values(spec.env)
    .filter((value) => value.startsWith('secret:'))
    .map((value) => value.slice('secret:'.length))
  if (names.length === 0) return undefined
  // Those that a task was given, and those that one will be given that starts while somebody follows.
  const given = await readHidden(deps, row.id)
  const present = await resolveSecrets(deps.db, deps.box, row.teamId, row.projectId, names)
  return maskSecrets([...given, ...present.values()])
}

/** How programs say that something is wrong: each alternative begins with fixed letters, so that it is quick. */
const looksLikeError = () =>
  /Traceback \(most recent call last\)|(?:Error|Exception)(?=:|$)|\b(?:ERROR|FATAL|CRITICAL)\b|^(?:error|fatal|panic):|Segmentation fault|[Oo]ut of memory/gm

/** A line as the contract has it. */
export function logLineOf(line: LogLine): ApiLine {
  const { seq, at, source, text, partial } = line
  return { seq, at: toIso(at), source, text, ...(partial ? { partial } : {}) }
}

function toMs(since: string): number {
  const ms = Date.parse(since)
  if (Number.isNaN(ms)) throw new AppError('invalid', { detail: `\`since\` is not a time: ${since}.` })
  return ms
}
