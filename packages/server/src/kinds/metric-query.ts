import { type MetricName, metricSeries, type MetricRange, type MetricTick } from '@nabla/api/metric'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import type { Range, RangeQuery, SeriesRange, Tick } from '../metrics/metric-store.ts'
import type { Deps } from '../deps.ts'
import type { EventStream, StreamItem } from './kind.ts'

/** A query of the contract as the store takes it. Throws AppError `invalid` when it makes no sense. */
export function toRangeQuery(
  query: { series?: string | undefined; from?: string | undefined; to?: string | undefined; points: number },
  of: 'task' | 'machine',
): RangeQuery {
  const from = query.from === undefined ? undefined : toMs('from', query.from)
  const to = query.to === undefined ? undefined : toMs('to', query.to)
  if (from !== undefined && to !== undefined && from > to) {
    throw new AppError('invalid', { detail: '`from` is later than `to`.' })
  }
  return {
    points: query.points,
    ...(query.series !== undefined && { names: toNames(query.series, of) }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  }
}

/** What the tasks of a resource used, with what they are given at the most; `resources` is null where that is not known. */
export async function readTaskMetrics(
  { measurements }: Pick<Deps, 'measurements'>,
  id: string,
  resources: { cpus: number; memoryBytes: number } | null,
  query: Parameters<typeof toRangeQuery>[0],
): Promise<MetricRange> {
  const given = new Map([
    ['cpu', resources?.cpus],
    ['memory', resources?.memoryBytes],
    ['memoryPeak', resources?.memoryBytes],
  ])
  const range = await measurements.read(id, toRangeQuery(query, 'task'))
  return toMetricRange(range, ({ name }) => given.get(name) ?? null)
}

/** What they use as it is measured, until `hasEnded` says that no more will come. */
export function followTaskMetrics(
  { measurements }: Pick<Deps, 'measurements'>,
  id: string,
  request: {
    headers: Record<string, string | string[] | undefined>
    query: { after?: string | undefined }
    signal: AbortSignal
  },
  hasEnded: () => Promise<boolean>,
): EventStream {
  const after = resumeAt(request.headers['last-event-id'], request.query.after)
  const { signal } = request
  return { events: toEvents(measurements.follow(id, { ...(after !== undefined && { after }), signal, hasEnded })) }
}

async function* toEvents(ticks: AsyncIterable<Tick>): AsyncGenerator<StreamItem> {
  for await (const tick of ticks) yield toTickEvent(tick)
}

/** Where to resume a stream, in milliseconds since the epoch. The header is the id of an event: such a number. */
export function resumeAt(header: string | string[] | undefined, after: string | undefined): number | undefined {
  if (header === undefined || header === '') return after === undefined ? undefined : toMs('after', after)
  const at = Number(header)
  if (Number.isSafeInteger(at) && at >= 0) return at
  throw new AppError('invalid', { detail: 'Last-Event-ID is not the id of an event.' })
}

/** A range of the store in the words of the contract. */
export function toMetricRange(range: Range, limitOf: (series: SeriesRange) => number | null): MetricRange {
  const { from, to, intervalMs } = range
  return {
    from: from === null ? null : toIso(from),
    to: to === null ? null : toIso(to),
    intervalMs,
    series: range.series.map((one) => ({ ...one, unit: unitOf(one.name), limit: limitOf(one) })),
  }
}

export function toTickEvent({ at, values }: Tick): StreamItem {
  return { id: String(at), data: { at: toIso(at), values } satisfies MetricTick }
}

function toNames(text: string, of: 'task' | 'machine'): Set<string> {
  const known = Object.entries(metricSeries).filter(([, one]) => (one.of as readonly string[]).includes(of))
  const names = known.map(([name]) => name)
  const wanted = text.split(',').map((name) => name.trim())
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown === undefined) return new Set(wanted)
  throw new AppError('invalid', { detail: `There is no series ${JSON.stringify(unknown)}, only ${names.join(', ')}.` })
}

function unitOf(name: string): string | null {
  return Object.hasOwn(metricSeries, name) ? metricSeries[name as MetricName].unit : null
}

function toMs(name: string, text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new AppError('invalid', { detail: `\`${name}\` is not a time: ${text}.` })
  return ms
}
