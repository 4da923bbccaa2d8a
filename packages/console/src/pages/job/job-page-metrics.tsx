import { Button } from '@mantine/core'
import type { Job } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job-states'
import type { MetricLine } from '@nabla/api/metric'
import { type ReactNode, useMemo, useState } from 'react'
import { Chart, type ChartSeries } from '../../parts/chart.tsx'
import { CommandLine } from '../../parts/copy.tsx'
import { formatTime } from '../../parts/format.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { JobRuns } from '../run/job-runs.tsx'
import { useChartRange, useJobMetrics } from './metrics.ts'

/** Which series stand on one chart. */
export const metricCharts: readonly { title: string; names: readonly string[]; labels: readonly string[] }[] = [
  { title: 'Processor', names: ['cpu'], labels: ['cores in use'] },
  { title: 'Memory', names: ['memory', 'memoryPeak'], labels: ['in use', 'most so far'] },
  { title: 'GPU', names: ['gpuUtilization', 'gpuMemoryUtilization'], labels: ['busy', 'memory busy'] },
  { title: 'GPU memory', names: ['gpuMemoryUsed', 'gpuMemoryTotal'], labels: ['in use', 'all'] },
  { title: 'GPU power', names: ['gpuPower'], labels: ['power'] },
  { title: 'GPU temperature', names: ['gpuTemperature'], labels: ['temperature'] },
  { title: 'Disk', names: ['diskRead', 'diskWrite'], labels: ['read', 'written'] },
  { title: 'Network', names: ['networkIn', 'networkOut'], labels: ['received', 'sent'] },
  { title: 'Processes', names: ['processes'], labels: ['processes'] },
  { title: 'Held back', names: ['cpuThrottled'], labels: ['wanted more processor'] },
]

/** What the job uses and used: charts with one crosshair, one zoom and one legend, live while it runs. */
export function JobMetrics({ job }: { job: Job }): ReactNode {
  const [range, setRange] = useChartRange()
  const { query, series } = useJobMetrics(job.id, range)
  const charts = useMemo(() => chartsOf(series), [series])
  return (
    <div className="stack">
      <JobRuns job={job.id} />
      <Measured {...{ job, query, charts, range, setRange }} />
    </div>
  )
}

function Measured(props: {
  job: Job
  query: ReturnType<typeof useJobMetrics>['query']
  charts: ReturnType<typeof chartsOf>
  range: ReturnType<typeof useChartRange>[0]
  setRange: ReturnType<typeof useChartRange>[1]
}): ReactNode {
  const { job, query, charts, range, setRange } = props
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const { ended } = jobStates[job.state]
  return (
    <Loaded query={query}>
      {() =>
        charts.length === 0 && !range ? (
          <EmptyState
            title={ended ? 'It was too short to be measured.' : 'Nothing has been measured yet.'}
            command={`job metrics ${job.id}`}
          />
        ) : (
          <div className="stack">
            <div className="row">
              <span className="muted grow">
                {range ? `${formatTime(range[0])} to ${formatTime(range[1])}` : 'Drag over a chart to look closer.'}
              </span>
              {range && <Button onClick={() => setRange(undefined)}>Show all</Button>}
            </div>
            <div className="charts">
              {charts.map(({ title, lines, unit, limit }) => (
                <Chart
                  key={title}
                  {...{ title, unit, limit, range, hidden }}
                  series={lines}
                  onRange={setRange}
                  onHidden={setHidden}
                  syncKey={job.id}
                />
              ))}
            </div>
            {isWithoutNetwork(charts) && (
              <p className="muted">
                Network: not measured on this engine, whose jobs share the network of the machine. Those in containers
                have figures of their own.
              </p>
            )}
            <CommandLine line={`job metrics ${ended ? '' : '--follow '}${job.id}`} />
          </div>
        )
      }
    </Loaded>
  )
}

/** Whether its processor was measured and its network never was. */
const isWithoutNetwork = (charts: ReturnType<typeof chartsOf>): boolean =>
  charts.some(({ title }) => title === 'Processor') && !charts.some(({ title }) => title === 'Network')

/** The charts that these series make. */
export function chartsOf(series: readonly MetricLine[]) {
  return metricCharts.flatMap(({ title, names, labels }) => {
    const own = series.filter(({ name }) => names.includes(name))
    const [first] = own
    if (!first) return []
    const lines = own
      .toSorted((one, other) => names.indexOf(one.name) - names.indexOf(other.name))
      .map(({ name, labels: { gpu }, points }): ChartSeries => {
        const label = labels[names.indexOf(name)] ?? name
        return { id: `${name} ${gpu ?? ''}`, label: gpu === undefined ? label : `${label}, GPU ${gpu}`, points }
      })
    return [{ title, lines, unit: first.unit, limit: first.limit }]
  })
}
