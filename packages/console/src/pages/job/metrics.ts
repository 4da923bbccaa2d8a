import type { MetricLine, MetricPoint, MetricRange, MetricTick } from '@nabla/api/metric'
import { metricSeries } from '@nabla/api/metric-series'
import { keepPreviousData, useQuery, type UseQueryResult } from '@tanstack/react-query'
import type { ApiError, CallOptions, StreamEvent } from '@nabla/api/client'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { client, plainClient } from '../../api/client.ts'
import { followStream } from '../../api/follow.ts'
import { queries } from '../../api/query.ts'
import type { ChartRange } from '../../parts/chart.tsx'
import { useSetUrlSearch, useUrlSearch } from '../../parts/url-state.ts'
import { measuredQuery, points, type ReadMeasured } from './metrics-query.ts'

/** Where measurements are read, and followed. */
export interface Measured {
  read: ReadMeasured
  follow: (query: { after?: string }, options: CallOptions) => AsyncIterable<StreamEvent<MetricTick>>
}

/** What a job used, as finely as the range allows; new values are added as they are measured while all is shown. */
export function useJobMetrics(job: string, range: ChartRange): ReturnType<typeof useMeasured> {
  const source = useMemo(
    (): Measured => ({
      read: (query, options) => client.job.metrics({ job, ...query }, options),
      follow: (query, options) => plainClient.job.followMetrics({ job, ...query }, options),
    }),
    [job],
  )
  return useMeasured(job, range, source)
}

/** The same of anything that is measured; `id` tells it apart, and `source` stays the same as long as it does. */
export function useMeasured(
  id: string,
  range: ChartRange,
  source: Measured,
): { query: UseQueryResult<MetricRange, ApiError>; series: readonly MetricLine[] } {
  const span = range && { from: new Date(range[0]).toISOString(), to: new Date(range[1]).toISOString() }
  const options = measuredQuery(id, span, source.read)
  const { queryKey } = options
  const query = useQuery<MetricRange, ApiError>({ ...options, placeholderData: keepPreviousData })
  const ticks = useTicks(source, query.data, span === undefined && !query.isPlaceholderData, queryKey)
  const series = useMemo(() => withTicks(query.data, ticks), [query.data, ticks])
  return { query, series }
}

/** The zoomed range of x as it stands in the address: `?from=…&to=…`, in ms. */
export function useChartRange(): [ChartRange, (range: ChartRange) => void] {
  const { from, to } = useUrlSearch()
  const change = useSetUrlSearch()
  const [low, high] = [Number(from), Number(to)]
  const range = useMemo(
    () => (from !== undefined && to !== undefined && high > low ? ([low, high] as const) : undefined),
    [from, to, low, high],
  )
  const set = useCallback(
    (next: ChartRange) =>
      change(
        next ? { from: `${Math.round(next[0])}`, to: `${Math.round(next[1])}` } : { from: undefined, to: undefined },
      ),
    [change],
  )
  return [range, set]
}

function useTicks(
  source: Measured,
  data: MetricRange | undefined,
  isLive: boolean,
  queryKey: readonly unknown[],
): readonly MetricTick[] {
  const [ticks, setTicks] = useState<{ of: MetricRange | undefined; list: readonly MetricTick[] }>({
    of: undefined,
    list: [],
  })
  useEffect(() => {
    if (!data || !isLive) return
    setTicks({ of: data, list: [] })
    const control = new AbortController()
    const after = data.to === null ? {} : { after: data.to }
    void followStream<MetricTick>({
      open: (options) => source.follow(after, options),
      take: (tick) => setTicks((now) => (now.of === data ? { of: data, list: [...now.list, tick] } : now)),
      signal: control.signal,
    }).catch(() => undefined)
    return () => control.abort()
  }, [source, data, isLive])
  const list = ticks.of === data && isLive ? ticks.list : []
  const isMany = list.length > points
  useEffect(() => {
    // Read again, in fewer points: the server makes one of many.
    if (isMany) void queries.invalidateQueries({ queryKey })
  }, [isMany])
  return list
}

/** Measurements that are further apart than this many intervals have a gap between. */
const gapIntervals = 4

function withTicks(data: MetricRange | undefined, ticks: readonly MetricTick[]): readonly MetricLine[] {
  if (!data) return []
  if (ticks.length === 0) return data.series
  const lines = new Map(data.series.map((line) => [keyOf(line), { ...line, points: [...line.points] }]))
  for (const { at, values } of ticks) {
    for (const { name, labels, value } of values) {
      const line = lines.get(keyOf({ name, labels })) ?? newLine(name, labels)
      lines.set(keyOf(line), line)
      const x = Date.parse(at)
      const last = line.points.at(-1)?.[0]
      if (last !== undefined && x - last > data.intervalMs * gapIntervals)
        line.points.push([last + data.intervalMs, null, null, null])
      line.points.push([x, value, value, value] satisfies MetricPoint)
    }
  }
  return [...lines.values()]
}

const keyOf = ({ name, labels }: Pick<MetricLine, 'name' | 'labels'>): string => `${name} ${JSON.stringify(labels)}`

function newLine(name: string, labels: Record<string, string>): MetricLine {
  const unit = (metricSeries as Record<string, { unit: string } | undefined>)[name]?.unit ?? null
  return { name, unit, labels, limit: null, last: 0, min: 0, avg: 0, max: 0, points: [] }
}
