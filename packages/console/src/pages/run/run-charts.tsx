import { Button, SegmentedControl, TextInput } from '@mantine/core'
import { type ReactNode, useEffect, useMemo, useState } from 'react'
import { plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { RunChart, sayX } from './run-chart.tsx'
import { type ChartedRun, epochMetric } from './run-curves.ts'
import { RunFeedContext, useRunFeed } from './run-live.ts'
import { looksOf } from './run-look.ts'
import { type RunAxis } from './run-points.ts'
import { type ChartLookState, useChartLook } from './use-chart-look.ts'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'
import './run.css'

/** So few are seen at once without groups; and groups of one are none. */
const mostUngrouped = 12
const leastPerGroup = 2

export interface RunChartsProps {
  runs: readonly (ChartedRun & { isRunning: boolean })[]
  metrics: readonly string[]
  /** Shown when nothing has been logged. */
  empty: ReactNode
}

/**
 * Every metric of some runs as a chart, in groups by what stands before the last slash of its name. Of many, only those in
 * sight are read and drawn. All share one crosshair, one zoom and one choice of runs.
 */
export function RunCharts({ runs, metrics, empty }: RunChartsProps): ReactNode {
  const look = useChartLook()
  const feed = useRunFeed(
    useMemo(() => runs.flatMap(({ id, isRunning }) => (isRunning ? [id] : [])), [runs]),
    metrics,
  )
  const looks = useMemo(() => looksOf(runs.map(({ id }) => id)), [runs])
  const found = useMemo(() => findMetrics(metrics, look.find), [metrics, look.find])
  const groups = useMemo(() => groupsOf(found), [found])
  if (metrics.length === 0) return empty
  return (
    <RunFeedContext value={feed}>
      <Controls look={look} found={found.length} metrics={metrics} />
      {found.length === 0 && <EmptyState title={`No metric has “${look.find}” in its name.`} />}
      {groups.map(([group, names]) => (
        <Group key={group} name={group} names={names} isOnly={groups.length === 1}>
          {(name) => (
            <RunChart
              key={name}
              metric={name}
              {...{ runs, looks, look }}
              hidden={look.hidden}
              onHidden={(hidden) => look.set({ hidden })}
              onRange={(range) => look.set({ range })}
              syncKey="runs"
            />
          )}
        </Group>
      ))}
    </RunFeedContext>
  )
}

/** Names that have all the words, in any case. */
function findMetrics(metrics: readonly string[], find: string): readonly string[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return metrics
  return metrics.filter((name) => words.every((word) => name.toLowerCase().includes(word)))
}

function groupsOf(names: readonly string[]): [string, string[]][] {
  const groups = new Map<string, string[]>()
  for (const name of names) {
    const group = name.slice(0, Math.max(0, name.lastIndexOf('/')))
    groups.set(group, [...(groups.get(group) ?? []), name])
  }
  if (names.length <= mostUngrouped || names.length < leastPerGroup * groups.size) return [['', [...names]]]
  return [...groups].sort(([one], [other]) =>
    one === '' ? -1 : other === '' ? 1 : one.localeCompare(other, 'en', { numeric: true }),
  )
}

function Group(props: {
  name: string
  names: readonly string[]
  isOnly: boolean
  children: (name: string) => ReactNode
}): ReactNode {
  const { name, names, isOnly, children } = props
  const [open, setOpen] = useState(true)
  const charts = <div className="charts">{names.map(children)}</div>
  if (isOnly) return charts
  return (
    <section className="run-group" aria-label={name || 'Metrics'}>
      <h2>
        <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name={open ? 'down' : 'right'} size={14} />
          <span className="ellipsis" dir="auto">
            {name || 'Metrics'}
          </span>
          <span className="faint number">{names.length}</span>
        </button>
      </h2>
      {open && charts}
    </section>
  )
}

function Controls(props: { look: ChartLookState; found: number; metrics: readonly string[] }): ReactNode {
  const { look, found, metrics } = props
  const { axis, log, range, set } = look
  const hasEpochs = metrics.includes(epochMetric)
  const axes: { value: RunAxis; label: string }[] = [
    { value: 'step', label: 'Step' },
    { value: 'time', label: 'Time' },
    { value: 'clock', label: 'Clock' },
    ...(hasEpochs || axis === 'epoch' ? [{ value: 'epoch' as const, label: 'Epoch' }] : []),
  ]
  return (
    <div className="run-controls" role="group" aria-label="Charts">
      <FindMetric look={look} />
      <span className="faint number" aria-live="polite">
        {found === metrics.length ? plural(found, 'metric') : `${found} of ${plural(metrics.length, 'metric')}`}
      </span>
      <span className="grow" />
      {range && (
        <Button size="compact-sm" onClick={() => set({ range: undefined })}>
          Show all <span className="faint number">&nbsp;{`${sayX(axis, range[0])} to ${sayX(axis, range[1])}`}</span>
        </Button>
      )}
      <SmoothingSlider look={look} />
      <SegmentedControl aria-label="Along x" value={axis} onChange={(next) => set({ axis: next })} data={axes} />
      <div className="row" role="group" aria-label="Logarithmic axes">
        <Toggle label="log x" on={log.x} onChange={(x) => set({ log: { ...log, x } })} />
        <Toggle label="log y" on={log.y} onChange={(y) => set({ log: { ...log, y } })} />
      </div>
    </div>
  )
}

function FindMetric({ look }: { look: ChartLookState }): ReactNode {
  const [typed, setTyped] = useState(look.find)
  useEffect(() => setTyped(look.find), [look.find])
  useEffect(() => {
    const timer = setTimeout(() => {
      if (typed !== look.find) look.set({ find: typed })
    }, 200)
    return () => clearTimeout(timer)
  }, [typed])
  return (
    <TextInput
      type="search"
      className="run-find"
      aria-label="Find a metric"
      placeholder="Find a metric"
      leftSection={<Icon name="search" size={14} />}
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
    />
  )
}

function SmoothingSlider({ look }: { look: ChartLookState }): ReactNode {
  const [value, setValue] = useState(look.smoothing)
  useEffect(() => setValue(look.smoothing), [look.smoothing])
  return (
    <label className="run-smoothing">
      <span className="muted">Smoothing</span>
      <input
        type="range"
        min={0}
        max={0.99}
        step={0.01}
        value={value}
        onChange={(event) => {
          const next = Number(event.currentTarget.value)
          setValue(next)
          look.set({ smoothing: next })
        }}
      />
      <span className="number">{value.toFixed(2)}</span>
    </label>
  )
}

function Toggle(props: { label: string; on: boolean; onChange: (on: boolean) => void }): ReactNode {
  return (
    <button type="button" className="run-toggle" aria-pressed={props.on} onClick={() => props.onChange(!props.on)}>
      {props.label}
    </button>
  )
}
