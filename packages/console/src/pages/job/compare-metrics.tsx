import type { ApiError } from '@nabla/api/client'
import type { Job } from '@nabla/api/job'
import { metricSeries } from '@nabla/api/metric-series'
import { useQueries } from '@tanstack/react-query'
import { type ReactNode, useMemo, useState } from 'react'
import { client } from '../../api/client.ts'
import { Chart, type ChartRange, type ChartSeries } from '../../parts/chart.tsx'
import { Panel } from '../../parts/page-header.tsx'
import type { MetricRange } from '@nabla/api/metric'

const compared = [
  ['cpu', 'Processor'],
  ['memory', 'Memory'],
  ['gpuUtilization', 'GPU'],
  ['gpuMemoryUsed', 'GPU memory'],
  ['diskRead', 'Read from disk'],
  ['diskWrite', 'Written to disk'],
] as const

/** What the jobs used, laid over each other from their beginnings. */
export function CompareMetrics({ jobs }: { jobs: readonly Job[] }): ReactNode {
  const [range, setRange] = useState<ChartRange>()
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const series = compared.map(([name]) => name).join(',')
  const found = useQueries({
    queries: jobs.map(({ id }) => ({
      queryKey: ['metric', id, 'compared'],
      queryFn: ({ signal }: { signal: AbortSignal }): Promise<MetricRange> =>
        client.job.metrics({ job: id, series, points: 600 }, { signal }),
      retry: (_: number, error: Error) => (error as ApiError).status === 0,
    })),
    combine: (results) => results.map(({ data }) => data),
  })
  const charts = useMemo(
    () =>
      compared.flatMap(([name, title]) => {
        const lines = jobs.flatMap((job, place) => linesOf(job, place, found[place], name))
        // One look at each is no curve.
        const isCurve = lines.some(({ points }) => points.length > 1)
        return isCurve ? [{ title, unit: metricSeries[name].unit, lines }] : []
      }),
    [jobs, found],
  )
  if (charts.length === 0) return null
  return (
    <Panel title="What they used">
      <div className="charts">
        {charts.map(({ title, unit, lines }) => (
          <Chart
            key={title}
            {...{ title, unit, range, hidden }}
            series={lines}
            onRange={setRange}
            onHidden={setHidden}
            syncKey="compare"
            elapsed
          />
        ))}
      </div>
    </Panel>
  )
}

function linesOf(job: Job, place: number, range: MetricRange | undefined, name: string): ChartSeries[] {
  const begin = range?.from ? Date.parse(range.from) : 0
  return (range?.series ?? [])
    .filter((line) => line.name === name)
    .map(({ labels: { gpu }, points }) => ({
      id: `${job.id} ${gpu ?? ''}`,
      label: gpu === undefined ? job.name : `${job.name}, GPU ${gpu}`,
      color: place,
      points: points.map(([at, min, avg, max]) => [at - begin, min, avg, max]),
    }))
}
