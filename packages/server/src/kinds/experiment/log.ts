import { type ExperimentState, experimentStates } from '@nabla/api/experiment'
import type { Deps } from '../../deps.ts'
import type { JobRow } from '../../db/tables.ts'
import { AppError } from '../../lib/app-error.ts'
import { limits } from '../../lib/limits.ts'
import { logFilter, logEvent, logLineOf } from '../job/log.ts'
import type { Handlers, StreamItem } from '../kind.ts'
import { mergeStreams } from './merge-streams.ts'
import { type ExperimentWithNames, findExperiment, hostOf, selectNodes } from './view.ts'

/** Reading the logs of all jobs of an experiment as one. */
export const experimentLogHandlers: Pick<Handlers<'experiment'>, 'logs' | 'followLogs'> = {
  async logs({ caller, params, query }, deps) {
    const row = await findExperiment(deps, caller, params.experiment)
    const sources = await sourcesOf(deps, row, query)
    const { ended } = experimentStates[row.state as ExperimentState]
    const place = readPlace(query.after)
    const read = query.tail === undefined ? readPage : readTail
    const items = await read(deps, sources, place, query)
    return { items, next: writePlace(place), ended }
  },

  async followLogs({ caller, params, query, headers, signal }, deps) {
    const row = await findExperiment(deps, caller, params.experiment)
    const resume = headers['last-event-id'] ?? query.after
    const place = readPlace(typeof resume === 'string' ? resume : undefined)
    return { events: follow(deps, row, query, place, signal) }
  },
}

interface Query {
  source?: 'stdout' | 'stderr' | 'system' | undefined
  job?: string | undefined
}

interface Source {
  job: JobRow
  /** Where its number stands in the place of a reader: the same for ever. */
  column: number
  origin: { job: string; host: string; attempt: number }
}

/** How many lines have been read of each job, by column. */
type Place = number[]

async function sourcesOf(deps: Deps, row: ExperimentWithNames, { job: wanted }: Query): Promise<Source[]> {
  const jobs = await selectNodes(deps.db, row).execute()
  const sources = jobs.map((job): Source => {
    const attempt = job.nodeAttempt ?? 1
    const host = row.kind === 'multi-node' ? hostOf(job) : job.name
    const column = (attempt - 1) * row.nodes + (job.nodeRank ?? 0)
    return { job, column, origin: { job: job.id, host, attempt } }
  })
  if (wanted === undefined) return sources
  const found = sources.filter(
    ({ job, origin }) => wanted === job.id || wanted === job.name || wanted === origin.host || wanted === hostOf(job),
  )
  if (found.length === 0 && sources.length > 0) throw new AppError('not_found', { noun: 'job', id: wanted })
  return found
}

type Line = ReturnType<typeof logLineOf> & Source['origin']

/** The next lines in the order of their times; as far as all jobs have been read. Moves the place on. */
async function readPage(deps: Deps, sources: readonly Source[], place: Place, query: Query & { limit: number }) {
  const most = Math.min(query.limit, limits.mergedLogLines)
  const pages = await Promise.all(
    sources.map(async (source) => {
      const after = place[source.column] ?? 0
      const filter = await logFilter(deps, source.job, query.source)
      const page = await deps.logs.read(source.job.id, { ...filter, after, limit: most })
      const whole = page.next >= page.last
      return { source, next: page.next, whole, lines: inOrder(page.lines, source) }
    }),
  )
  // What one job wrote after the end of its page may be older than what is on the page of another.
  const last = pages.filter(({ whole }) => !whole).map(({ lines }) => lines.at(-1)?.when ?? '')
  const until = last.length === 0 ? undefined : last.toSorted()[0]!
  const items = pages
    .flatMap(({ lines }) => lines)
    .toSorted(byTime)
    .filter(({ when }) => until === undefined || when <= until)
    .slice(0, query.limit)
    .map(({ line }) => line)
  for (const { source, next, lines } of pages) {
    const taken = items.filter(({ job }) => job === source.job.id)
    place[source.column] = taken.length === lines.length ? next : (taken.at(-1)?.seq ?? place[source.column] ?? 0)
  }
  return items
}

/** The last lines there are. The place is then at the end of all logs. */
async function readTail(
  deps: Deps,
  sources: readonly Source[],
  place: Place,
  query: Query & { tail?: number | undefined },
) {
  const tails = await Promise.all(
    sources.map(async (source) => {
      const filter = await logFilter(deps, source.job, query.source)
      const lines = await deps.logs.tail(source.job.id, query.tail ?? 0, filter)
      place[source.column] = Math.max(lines.at(-1)?.seq ?? 0, await deps.logs.lastSeq(source.job.id))
      return inOrder(lines, source)
    }),
  )
  const lines = tails.flat().toSorted(byTime)
  return lines.slice(Math.max(0, lines.length - (query.tail ?? 0))).map(({ line }) => line)
}

interface Timed {
  line: Line
  when: string
}

/** Lines of one job. Their order is that of its log, whatever the clock did: no line is before the one above it. */
function inOrder(lines: readonly Parameters<typeof logLineOf>[0][], { origin }: Source): Timed[] {
  let latest = ''
  return lines.map((raw) => {
    const line = { ...logLineOf(raw), ...origin }
    if (line.at > latest) latest = line.at
    return { line, when: latest }
  })
}

function byTime(a: Timed, b: Timed): number {
  if (a.when === b.when) return 0
  return a.when < b.when ? -1 : 1
}

/** Follows all jobs there are, and those of later attempts, until the experiment has ended and all is told. */
async function* follow(
  deps: Deps,
  row: ExperimentWithNames,
  query: Query,
  place: Place,
  signal: AbortSignal,
): AsyncGenerator<StreamItem, void, undefined> {
  const followed = new Set<string>()
  for (;;) {
    const after = await deps.feed.latest()
    const experiment = await deps.db
      .selectFrom('experiments')
      .select('endedAt')
      .where('id', '=', row.id)
      .executeTakeFirst()
    const sources = (await sourcesOf(deps, row, query)).filter(({ job }) => !followed.has(job.id))
    for (const { job } of sources) followed.add(job.id)
    const streams = await Promise.all(sources.map((source) => streamOf(deps, source, query, place, signal)))
    yield* mergeStreams(streams)
    if (signal.aborted || (sources.length === 0 && experiment?.endedAt !== null)) return
    if (sources.length > 0) continue
    for await (const _ of deps.feed.follow(row.teamId, { after, subject: row.id, signal })) break
    if (signal.aborted) return
  }
}

async function streamOf(deps: Deps, source: Source, query: Query, place: Place, signal: AbortSignal) {
  // The server may have been killed after the job had ended and before the log was closed.
  if (source.job.endedAt !== null) await deps.logs.close(source.job.id)
  const window = {
    ...(await logFilter(deps, source.job, query.source)),
    after: place[source.column] ?? 0,
    signal,
  }
  return deps.logs.streamAs(source.job.id, window, (piece) => {
    // The id is made when the piece is sent on: by then others have been sent as well.
    return () => {
      place[source.column] = piece.seq + piece.lines - 1
      return logEvent(piece, writePlace(place), source.origin)
    }
  })
}

/** Numbers of lines with dots between; none for a job that nothing was read of. */
function readPlace(text: string | undefined): Place {
  return text ? text.split('.').map(Number) : []
}

const writePlace = (place: Place): string =>
  Array.from(place, (seq: number | undefined) => (seq ? String(seq) : '')).join('.')
