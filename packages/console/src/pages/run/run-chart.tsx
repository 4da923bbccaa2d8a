import { type ReactNode, useEffect, useRef, useState } from 'react'
import { Chart, type ChartRange, formatNumber } from '../../parts/chart.tsx'
import { formatDuration, formatTime, plural } from '../../parts/format.ts'
import { ErrorNote } from '../../parts/states.tsx'
import { type ChartedRun, type ChartLook, useRunLines } from './run-curves.ts'
import type { RunLook } from './run-look.ts'
import { csvOfRuns, type RunAxis } from './run-points.ts'

export interface RunChartProps {
  metric: string
  runs: readonly ChartedRun[]
  looks: ReadonlyMap<string, RunLook>
  look: ChartLook
  hidden: ReadonlySet<string>
  onHidden: (hidden: ReadonlySet<string>) => void
  onRange: (range: ChartRange) => void
  /** Charts with the same key share one crosshair. */
  syncKey: string
}

/** Lines that are named below a chart; the others are in the table of the runs. */
const mostNamed = 8

/** The place of a chart: as high as the chart, which is read and drawn only while it is in sight or near. */
export function RunChart(props: RunChartProps): ReactNode {
  const place = useRef<HTMLDivElement>(null)
  const isNear = useIsNear(place)
  return (
    <div ref={place} className={props.runs.length > 1 ? 'run-chart run-chart-many' : 'run-chart'}>
      {isNear ? <Lines {...props} /> : <div className="panel run-chart-wait" aria-hidden="true" />}
    </div>
  )
}

function Lines({ metric, runs, looks, look, ...others }: RunChartProps): ReactNode {
  const { query, lines, read, odd } = useRunLines(runs, metric, look, looks)
  const { axis } = look
  const shown = runs.length === 1 ? lines.map((line) => ({ ...line, label: 'last' })) : lines
  if (query.error && !query.data) {
    return (
      <figure className="panel chart" aria-label={metric}>
        <figcaption className="chart-title">
          <h2 className="ellipsis">{metric}</h2>
        </figcaption>
        <ErrorNote error={query.error} />
      </figure>
    )
  }
  return (
    <Chart
      title={metric}
      unit={null}
      series={shown}
      range={look.range}
      log={look.log}
      {...(axis === 'clock'
        ? {}
        : axis === 'time'
          ? { elapsed: true }
          : { formatX: axis === 'step' ? formatStep : formatNumber })}
      {...others}
      fromZero={false}
      mostNamed={mostNamed}
      csv={(drawn) => csvOfRuns(read.filter(({ id }) => drawn.some((line) => line.id === id)))}
      actions={
        odd > 0 && (
          <span className="run-odd" title="NaN or infinite: they are gaps in the line, and kept as they are.">
            {plural(odd, 'value')} not a number
          </span>
        )
      }
    />
  )
}

/** Whether an element is in sight, or within half a screen of it. */
function useIsNear(place: React.RefObject<HTMLElement | null>): boolean {
  const [isNear, setNear] = useState(false)
  useEffect(() => {
    const { current } = place
    if (!current) return
    const observer = new IntersectionObserver((entries) => setNear(entries.at(-1)?.isIntersecting ?? false), {
      rootMargin: '50% 0px',
    })
    observer.observe(current)
    return () => observer.disconnect()
  }, [place])
  return isNear
}

const formatStep = (step: number): string => formatNumber(step)

/** x as a person says it: `step 1,200`, `3 m 12 s`. */
export function sayX(axis: RunAxis, x: number): string {
  if (axis === 'time') return formatDuration(x)
  if (axis === 'clock') return formatTime(x)
  return `${axis} ${formatNumber(x)}`
}
