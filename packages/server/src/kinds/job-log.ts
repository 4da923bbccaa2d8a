import { jobStates, type JobState } from '@nabla/api/job'
import type { LogLine as ApiLine } from '@nabla/api/log'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { type LogLine, type Mask, maskSecrets } from '../tasks/logs/log-store.ts'
import { readSpec } from './job-kind.ts'
import { findJob, type JobWithNames } from './job-view.ts'
import type { Handlers } from './kind.ts'
import { resolveSecrets } from './secret.ts'

/** Reading the log of a job: pages, stream and download. Values of its secrets are masked wherever they appear. */
export const jobLogHandlers: Pick<Handlers<'job'>, 'logs' | 'followLogs' | 'downloadLogs'> = {
  async logs({ caller, params, query }, deps) {
    const row = await findJob(deps, caller, params.job)
    const filter = { ...(query.source ? { source: query.source } : {}), mask: await maskOf(deps, row) }
    const { ended } = jobStates[row.state as JobState]
    if (query.tail !== undefined) {
      const lines = await deps.logs.tail(row.id, query.tail, filter)
      const last = await deps.logs.lastSeq(row.id)
      return { items: lines.map(toLine), next: last, last, ended }
    }
    const page = await deps.logs.read(row.id, {
      ...filter,
      ...(query.after === undefined ? {} : { after: query.after }),
      ...(query.since === undefined ? {} : { sinceMs: toMs(query.since) }),
      limit: query.limit,
    })
    return { items: page.lines.map(toLine), next: page.next, last: page.last, ended }
  },

  async followLogs({ caller, params, query, headers, signal }, deps) {
    const row = await findJob(deps, caller, params.job)
    const resume = Number(headers['last-event-id'] ?? query.after ?? 0)
    if (!Number.isSafeInteger(resume) || resume < 0) {
      throw new AppError('invalid', { detail: 'Last-Event-ID is not the number of a line.' })
    }
    return { events: follow(deps, row, { ...query, after: resume }, await maskOf(deps, row), signal) }
  },

  async downloadLogs({ caller, params, query }, deps) {
    const row = await findJob(deps, caller, params.job)
    const body = deps.logs.raw(row.id, {
      ...(query.source ? { source: query.source } : {}),
      mask: await maskOf(deps, row),
    })
    return { body, contentType: 'text/plain; charset=utf-8', fileName: `${row.name}.log` }
  },
}

async function* follow(
  deps: Deps,
  row: JobWithNames,
  query: { after: number; since?: string | undefined; source?: 'stdout' | 'stderr' | 'system' | undefined },
  mask: Mask,
  signal: AbortSignal,
) {
  const blocks = deps.logs.stream(row.id, {
    after: query.after,
    ...(query.since === undefined ? {} : { sinceMs: toMs(query.since) }),
    ...(query.source ? { source: query.source } : {}),
    mask,
    signal,
  })
  for await (const { seq, lines, at, source, text, partial } of blocks) {
    const data = { seq, lines, at: toIso(at), source, text, ...(partial ? { partial } : {}) }
    yield { id: String(seq + lines - 1), data }
  }
}

async function maskOf(deps: Deps, row: JobWithNames): Promise<Mask> {
  const { spec } = readSpec(row)
  const names = Object.values(spec.env)
    .filter((value) => value.startsWith('secret:'))
    .map((value) => value.slice('secret:'.length))
  if (names.length === 0) return (text) => text
  const secrets = await resolveSecrets(deps.db, deps.box, row.teamId, row.projectId, names)
  return maskSecrets([...secrets.values()])
}

function toLine(line: LogLine): ApiLine {
  const { seq, at, source, text, partial } = line
  return { seq, at: toIso(at), source, text, ...(partial ? { partial } : {}) }
}

function toMs(since: string): number {
  const ms = Date.parse(since)
  if (Number.isNaN(ms)) throw new AppError('invalid', { detail: `\`since\` is not a time: ${since}.` })
  return ms
}
