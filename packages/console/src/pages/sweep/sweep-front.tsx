import type { Trial } from '@nabla/api/sweep'
import { bestTrials, costOf, evenly, type Objective, valueOf } from '@nabla/api/sweep-views'
import { Select } from '@mantine/core'
import { type ReactNode, useCallback, useMemo } from 'react'
import { formatNumber } from '../../parts/chart.tsx'
import { plural } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { makeAxis } from '../../parts/value-axis.ts'
import { type TrialPicture, TrialPlot } from './trial-plot.tsx'
import { valuesText } from './trial-words.ts'

const mostPoints = 4000
/** Rows of the table below; the others are in the table of all trials. */
const mostRows = 100

/** Two objectives against each other, and the trials that no other beats in all objectives: the Pareto front. */
export function SweepFront(props: TrialPicture): ReactNode {
  const { objectives, onOpen } = props
  const [across, setAcross] = useUrlState('front-across', objectives[0]?.metric)
  const [up, setUp] = useUrlState('front-up', objectives[1]?.metric)
  const one = objectives.find(({ metric }) => metric === across) ?? objectives[0]!
  const other = objectives.find(({ metric }) => metric === up) ?? objectives[1]!
  const valued = useMemo(() => props.trials.filter(({ objectives: own }) => own !== null), [props.trials])
  const best = useMemo(() => bestTrials(valued, objectives), [valued, objectives])
  if (valued.length === 0) return <EmptyState title="No trial has its values yet." />
  return (
    <div className="stack">
      {objectives.length > 2 && (
        <div className="sweep-selects">
          <Chosen label="Across" value={one.metric} objectives={objectives} onChange={setAcross} />
          <Chosen label="Up" value={other.metric} objectives={objectives} onChange={setUp} />
        </div>
      )}
      <FrontPlot {...props} trials={valued} best={best} across={one} up={other} />
      <Panel title={plural(best.length, 'best trial')} flush>
        <div className="sweep-table" tabIndex={0} role="region" aria-label="Best trials">
          <table>
            <thead>
              <tr>
                <th scope="col">Trial</th>
                {objectives.map(({ metric, direction }) => (
                  <th key={metric} scope="col" className="table-right">
                    {metric} <span className="faint">{direction === 'maximize' ? '↑' : '↓'}</span>
                  </th>
                ))}
                <th scope="col">Values</th>
              </tr>
            </thead>
            <tbody>
              {best.slice(0, mostRows).map((trial) => (
                <tr key={trial.number}>
                  <th scope="row">
                    <button type="button" className="sweep-number" onClick={() => onOpen(trial.number)}>
                      {trial.number}
                    </button>
                  </th>
                  {objectives.map((objective) => (
                    <td key={objective.metric} className="table-right number">
                      {formatNumber(valueOf(trial, objective) ?? Number.NaN)}
                    </td>
                  ))}
                  <td className="muted">{valuesText(trial.values)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
    </div>
  )
}

function Chosen(props: {
  label: string
  value: string
  objectives: readonly Objective[]
  onChange: (metric: string) => void
}): ReactNode {
  return (
    <Select
      label={props.label}
      data={props.objectives.map(({ metric }) => metric)}
      value={props.value}
      allowDeselect={false}
      onChange={(metric) => metric !== null && props.onChange(metric)}
      className="sweep-select"
    />
  )
}

function FrontPlot(props: TrialPicture & { best: readonly Trial[]; across: Objective; up: Objective }): ReactNode {
  const { best, across, up, objectives, onOpen } = props
  const marked = useMemo(() => new Set(best.map(({ number }) => number)), [best])
  const trials = useMemo(() => {
    const others = evenly(
      props.trials.filter(({ number }) => !marked.has(number)),
      mostPoints,
    )
    return [...others, ...best]
  }, [props.trials, best, marked])
  const x = useMemo(() => axisOf(trials, across), [trials, across])
  const y = useMemo(() => axisOf(trials, up), [trials, up])
  const place = useCallback(
    (trial: Trial) => {
      const [left, level] = [x.axis.place(valueOf(trial, across)), y.axis.place(valueOf(trial, up))]
      return left === undefined || level === undefined ? undefined : ([left, level] as const)
    },
    [x, y, across, up],
  )
  // With more than two objectives the front is no line in the picture of two of them.
  const line = useMemo(() => {
    if (objectives.length > 2) return []
    return (
      best
        .flatMap((trial) => {
          const found = place(trial)
          return found ? [{ x: found[0], y: found[1] }] : []
        })
        // From the best across to the worst, so that each step goes around what is not reached.
        .sort((one, other) => costOf(across, one.x) - costOf(across, other.x))
    )
  }, [best, place, across, objectives.length])
  return (
    <div className="panel panel-body">
      <TrialPlot
        label={`${up.metric} over ${across.metric}`}
        {...{ trials, objectives, onOpen, place, x, y, line, marked }}
      />
    </div>
  )
}

function axisOf(trials: readonly Trial[], objective: Objective) {
  const axis = makeAxis(
    trials.map((trial) => valueOf(trial, objective)),
    formatNumber,
  )
  return { label: `${objective.metric} (${objective.direction === 'maximize' ? 'more' : 'less'} is better)`, axis }
}
