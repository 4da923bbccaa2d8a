import { Button } from '@mantine/core'
import type { Notebook } from '@nabla/api/notebook'
import { type ReactNode, useMemo, useState } from 'react'
import { client, plainClient } from '../../api/client.ts'
import { Chart } from '../../parts/chart.tsx'
import { CommandLine } from '../../parts/copy.tsx'
import { formatTime } from '../../parts/format.ts'
import { quote } from '../../parts/quote.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { chartsOf } from '../job/job-page-metrics.tsx'
import { type Measured, useChartRange, useMeasured } from '../job/metrics.ts'

/** What a notebook uses and used, in all its sessions. */
export function NotebookMetrics({ notebook: { id, name } }: { notebook: Notebook }): ReactNode {
  const measured = useMemo(
    (): Measured => ({
      read: (query, options) => client.notebook.metrics({ notebook: id, ...query }, options),
      follow: (query, options) => plainClient.notebook.followMetrics({ notebook: id, ...query }, options),
    }),
    [id],
  )
  const [range, setRange] = useChartRange()
  const { query, series } = useMeasured(id, range, measured)
  const charts = useMemo(() => chartsOf(series), [series])
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  return (
    <Loaded query={query}>
      {() =>
        charts.length === 0 && !range ? (
          <EmptyState title="Nothing has been measured yet." command={`notebook metrics ${quote(name)}`} />
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
                  syncKey={id}
                />
              ))}
            </div>
            <CommandLine line={`notebook metrics ${quote(name)}`} />
          </div>
        )
      }
    </Loaded>
  )
}
