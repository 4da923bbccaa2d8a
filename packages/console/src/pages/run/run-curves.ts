import type { ApiError } from '@nabla/api/client'
import type { RunCurve, RunPoint } from '@nabla/api/run'
import { keepPreviousData, useQuery, type UseQueryResult } from '@tanstack/react-query'
import { useMemo } from 'react'
import { client } from '../../api/client.ts'
import type { ChartRange, ChartSeries } from '../../parts/chart.tsx'
import { useLiveValues } from './run-live.ts'
import type { RunLook } from './run-look.ts'
import { type RunAxis, smoothed, toChart, withLive } from './run-points.ts'

/** What of a run its charts need. */
export interface ChartedRun {
  id: string
  name: string
  startedAt: string
}

/** How the charts of a page show their lines. */
export interface ChartLook {
  axis: RunAxis
  /** 0 to 0.99. */
  smoothing: number
  log: { x: boolean; y: boolean }
  range: ChartRange
}

/** A run with the points of a metric. */
interface ReadRun {
  id: string
  name: string
  points: readonly RunPoint[]
}

/** The metric that gives the epochs, if a run logs it. */
export const epochMetric = 'epoch'
/** Points of one curve: about as many as a chart has pixels to tell them apart. */
const points = 500

/** The lines of one metric, live, and what they are drawn from. `odd`: how many values are no numbers. */
export function useRunLines(
  runs: readonly ChartedRun[],
  metric: string,
  look: ChartLook,
  looks: ReadonlyMap<string, RunLook>,
): {
  query: UseQueryResult<readonly RunCurve[], ApiError>
  lines: readonly ChartSeries[]
  read: readonly ReadRun[]
  odd: number
} {
  const { axis, smoothing, range } = look
  const ids = useMemo(() => runs.map(({ id }) => id), [runs])
  const query = useCurves(ids, metric, axis, range)
  const epochs = useCurves(ids, epochMetric, 'step', undefined, axis === 'epoch')
  const live = useLiveValues(ids, metric)
  return useMemo(() => {
    const epochsOf = new Map(epochs.data?.map((curve) => [curve.run, curve.points]))
    const curves = new Map(query.data?.map((curve) => [curve.run, curve.points]))
    let odd = 0
    const read: ReadRun[] = []
    const lines = runs.flatMap((run): ChartSeries[] => {
      const own: readonly RunPoint[] = withLive(curves.get(run.id) ?? [], live.get(run.id) ?? [])
      if (own.length === 0) return []
      const drawn = toChart(own, { axis, begin: beginOf(run, own), epochs: epochsOf.get(run.id) })
      odd += drawn.odd
      read.push({ id: run.id, name: run.name, points: own })
      const line = { id: run.id, label: run.name, points: drawn.points, ...looks.get(run.id) }
      if (smoothing === 0) return [line]
      return [
        { ...line, points: smoothed(drawn.points, smoothing) },
        { ...line, id: `${run.id} raw`, ghostOf: run.id },
      ]
    })
    // What they were made from lies below the lines.
    lines.sort((one, other) => Number(other.ghostOf !== undefined) - Number(one.ghostOf !== undefined))
    return { query, lines, read, odd }
  }, [runs, query, epochs.data, live, axis, smoothing, looks])
}

/** Values may be older than the run, where they were written elsewhere and brought here. */
const beginOf = ({ startedAt }: ChartedRun, points: readonly RunPoint[]): number =>
  points.reduce((first, [, time]) => Math.min(first, time), Date.parse(startedAt))

/** Zooming in reads more of what is left; where x differs from run to run, only what is drawn changes. */
function useCurves(
  runs: readonly string[],
  metric: string,
  axis: RunAxis,
  range: ChartRange,
  enabled = true,
): UseQueryResult<readonly RunCurve[], ApiError> {
  const x = axis === 'time' || axis === 'clock' ? 'time' : 'step'
  const asked = range && (axis === 'step' || axis === 'clock') ? { from: range[0], to: range[1] } : {}
  return useQuery<readonly RunCurve[], ApiError>({
    queryKey: ['run-curve', metric, runs, x, asked],
    queryFn: async ({ signal }) => {
      const body = { runs: [...runs], metrics: [metric], points, ...asked }
      return (await client.run.curves({ body: { ...body, x } }, { signal })).curves
    },
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    enabled: enabled && runs.length > 0,
  })
}
