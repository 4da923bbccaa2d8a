import { Button } from '@mantine/core'
import type { Deployment } from '@nabla/api/deployment'
import type { DeploymentSeries } from '@nabla/api/deployment-state'
import type { MetricLine } from '@nabla/api/metric'
import { type ReactNode, useMemo, useState } from 'react'
import { client, plainClient } from '../../api/client.ts'
import { Chart, type ChartSeries } from '../../parts/chart.tsx'
import { CommandLine } from '../../parts/copy.tsx'
import { formatTime } from '../../parts/format.ts'
import { paletteSize } from '../../parts/palette.ts'
import { quote } from '../../parts/quote.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { type Measured, useChartRange, useMeasured } from '../job/metrics.ts'

interface ChartPlan {
  title: string
  unit: string
  names: readonly DeploymentSeries[]
  labels: readonly string[]
}

const plans: readonly ChartPlan[] = [
  { title: 'Requests', unit: 'per second', names: ['requestRate'], labels: [''] },
  {
    title: 'Latency',
    unit: 'ms',
    names: ['latencyP50', 'latencyP95', 'latencyP99'],
    labels: ['half within', '95 % within', '99 % within'],
  },
  { title: 'Errors', unit: 'per second', names: ['errorRate'], labels: [''] },
  { title: 'Under way', unit: 'requests', names: ['outstanding', 'queued'], labels: ['at instances', 'waiting'] },
  { title: 'Instances', unit: 'ready', names: ['ready'], labels: [''] },
]

/** Revisions that are told apart on one chart; of more, the newest. */
const mostRevisions = 4

/** How many requests there were, how long they took and what failed, for each revision: live, with one crosshair. */
export function DeploymentCharts({ deployment }: { deployment: Deployment }): ReactNode {
  const { id, name } = deployment
  const [range, setRange] = useChartRange()
  const source = useMemo(() => measuredOf(id), [id])
  const { query, series } = useMeasured(id, range, source)
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const charts = useMemo(() => chartsOf(series), [series])
  return (
    <Loaded query={query}>
      {() =>
        charts.length === 0 && !range ? (
          <EmptyState title="Nothing has been asked of it yet." command={`deployment show ${quote(name)}`}>
            Send it a request on the tab Try it.
          </EmptyState>
        ) : (
          <div className="stack">
            <div className="row">
              <span className="muted grow">
                {range ? `${formatTime(range[0])} to ${formatTime(range[1])}` : 'Drag over a chart to look closer.'}
              </span>
              {range && <Button onClick={() => setRange(undefined)}>Show all</Button>}
            </div>
            <div className="charts">
              {charts.map(({ title, unit, lines }) => (
                <Chart
                  key={title}
                  {...{ title, unit, range, hidden }}
                  series={lines}
                  onRange={setRange}
                  onHidden={setHidden}
                  syncKey={id}
                />
              ))}
            </div>
            <CommandLine line={`deployment show ${quote(name)}`} />
          </div>
        )
      }
    </Loaded>
  )
}

function measuredOf(deployment: string): Measured {
  return {
    read: (query, options) => client.deployment.metrics({ deployment, ...query }, options),
    follow: (after, options) => plainClient.deployment.followMetrics({ deployment, ...after }, options),
  }
}

function chartsOf(series: readonly MetricLine[]) {
  const revisions = [...new Set(series.map(({ labels }) => Number(labels['revision'] ?? 0)))]
    .sort((one, other) => other - one)
    .slice(0, mostRevisions)
  return plans.flatMap(({ title, unit, names, labels }) => {
    const lines = series
      .filter(({ name, labels: own }) => isOf(names, name) && revisions.includes(Number(own['revision'] ?? 0)))
      .map((line) => lineOf(line, names, labels))
    return lines.length === 0 ? [] : [{ title, unit, lines }]
  })
}

const isOf = (names: readonly string[], name: string): boolean => names.includes(name)

/** A revision has the same colour on every chart; what is measured of it has a dash. */
function lineOf({ name, labels, points }: MetricLine, names: readonly string[], words: readonly string[]): ChartSeries {
  const revision = labels['revision'] ?? '0'
  const place = names.indexOf(name)
  const word = words[place] ?? ''
  return {
    id: `${name} ${revision}`,
    label: word === '' ? `revision ${revision}` : `${word}, revision ${revision}`,
    points,
    color: Number(revision) % (paletteSize - 1),
    dash: place,
  }
}
