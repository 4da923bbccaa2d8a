import { SegmentedControl } from '@mantine/core'
import type { MachineUse, MetricLine, MetricPoint } from '@nabla/api/metric'
import { type ReactNode, useMemo, useState } from 'react'
import { useApi } from '../../api/query.ts'
import { now } from '../../clock.ts'
import { Chart, type ChartSeries } from '../../parts/chart.tsx'
import { Loaded } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { useChartRange } from '../job/metrics.ts'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'

const spans = [
  { value: '1h', label: '1 h', ms: 3_600_000 },
  { value: '6h', label: '6 h', ms: 6 * 3_600_000 },
  { value: '24h', label: '24 h', ms: 24 * 3_600_000 },
]

/** The charts, and what a tick of the live stream adds to each. */
const charts: readonly { title: string; name: string; label: string; of: (use: MachineUse) => Values }[] = [
  { title: 'Processor', name: 'cpu', label: 'cores in use', of: ({ cpu }) => one(cpu.usedCores) },
  { title: 'Memory', name: 'memory', label: 'in use', of: ({ memory }) => one(memory.usedBytes) },
  { title: 'Load', name: 'load', label: 'mean of a minute', of: ({ load }) => one(load[0] ?? null) },
  { title: 'Disk', name: 'disk', label: 'in use', of: ({ disk }) => one(disk.usedBytes) },
  { title: 'GPUs', name: 'gpuUtilization', label: 'GPU', of: (use) => eachGpu(use, (gpu) => gpu.utilization) },
  { title: 'GPU memory', name: 'gpuMemoryUsed', label: 'GPU', of: (use) => eachGpu(use, (gpu) => gpu.memoryUsedBytes) },
  { title: 'GPU power', name: 'gpuPower', label: 'GPU', of: (use) => eachGpu(use, (gpu) => gpu.powerWatts) },
  {
    title: 'GPU temperature',
    name: 'gpuTemperature',
    label: 'GPU',
    of: (use) => eachGpu(use, (gpu) => gpu.temperatureCelsius),
  },
]

/** Values by the GPU that they are of; by the empty text where there is one of a kind. */
type Values = Record<string, number | null>

const one = (value: number | null): Values => ({ '': value })
const eachGpu = (use: MachineUse, of: (gpu: MachineUse['gpus'][number]) => number | null): Values =>
  Object.fromEntries(use.gpus.map((gpu) => [String(gpu.index), of(gpu)]))

/** What the machine did: one crosshair and one zoom for all, and what happens now is added. */
export function MachineCharts({ ticks }: { ticks: readonly MachineUse[] }): ReactNode {
  const [span, setSpan] = useUrlState('span', '1h')
  const [range, setRange] = useChartRange()
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const spanMs = (spans.find(({ value }) => value === span) ?? spans[0]!).ms
  // The beginning is kept, so that the answer is too.
  const from = useMemo(() => new Date(now() - spanMs).toISOString(), [spanMs])
  const query = useApi('server', 'machineMetrics', {
    points: 600,
    from: range ? new Date(range[0]).toISOString() : from,
    ...(range && { to: new Date(range[1]).toISOString() }),
  })
  const shown = useMemo(() => {
    const series = query.data?.series ?? []
    return charts.flatMap((chart) => {
      const own = series.filter(({ name }) => name === chart.name)
      const [first] = own
      if (!first) return []
      const lines = own.map((line) => toSeries(line, chart, range ? [] : ticks))
      return [{ title: chart.title, unit: first.unit, limit: first.limit, lines }]
    })
  }, [query.data, ticks, range])
  return (
    <section className="stack" aria-label="Over time">
      <div className="row">
        <h2 className="grow">Over time</h2>
        {range && (
          <button type="button" className="machine-all" onClick={() => setRange(undefined)}>
            Show all
          </button>
        )}
        <SegmentedControl
          aria-label="How far back"
          data={spans}
          value={span}
          onChange={(next) => {
            setRange(undefined)
            setSpan(next)
          }}
        />
      </div>
      <Loaded query={query} lines={8}>
        {() => (
          <div className="machine-charts">
            {shown.map(({ title, unit, limit, lines }) => (
              <Chart
                key={title}
                {...{ title, unit, limit, range, hidden }}
                series={lines}
                onRange={setRange}
                onHidden={setHidden}
                syncKey="machine"
              />
            ))}
            {shown.length === 0 && <p className="muted">Nothing has been measured yet.</p>}
          </div>
        )}
      </Loaded>
    </section>
  )
}

function toSeries(line: MetricLine, chart: (typeof charts)[number], ticks: readonly MachineUse[]): ChartSeries {
  const gpu = line.labels['gpu'] ?? ''
  const last = line.points.at(-1)?.[0] ?? 0
  const fresh = ticks.flatMap((use): MetricPoint[] => {
    const [time, value] = [Date.parse(use.at), chart.of(use)[gpu] ?? null]
    return time > last && value !== null ? [[time, value, value, value]] : []
  })
  return {
    id: `${line.name} ${gpu}`,
    label: gpu === '' ? chart.label : `${chart.label} ${gpu}`,
    points: [...line.points, ...fresh],
  }
}
