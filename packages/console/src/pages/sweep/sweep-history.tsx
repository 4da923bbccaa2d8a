import { bestSoFar, type Objective, valueOf } from '@nabla/api/sweep-views'
import type { Trial } from '@nabla/api/sweep'
import { type ReactNode, useCallback, useMemo } from 'react'
import { formatCount } from '../../parts/format.ts'
import { formatNumber } from '../../parts/chart.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { makeAxis } from '../../parts/value-axis.ts'
import { type TrialPicture, TrialPlot } from './trial-plot.tsx'

/** The value of each trial in the order in which they were asked for, and the best up to each. */
export function SweepHistory(props: TrialPicture & { objective: Objective }): ReactNode {
  const { trials, objectives, objective, onOpen } = props
  const { x, y, line } = useMemo(() => draw(trials, objective), [trials, objective])
  const place = useCallback(
    (trial: Trial) => {
      const [across, up] = [x.axis.place(trial.number), y.axis.place(valueOf(trial, objective))]
      return across === undefined || up === undefined ? undefined : ([across, up] as const)
    },
    [x, y, objective],
  )
  return (
    <Panel title={`History of ${objective.metric}`} actions={<span className="sweep-key">best so far</span>}>
      {line.length === 0 && !trials.some(({ objectives: own }) => own !== null) ? (
        <EmptyState title="No trial has a value yet." />
      ) : (
        <TrialPlot
          label={`${objective.metric} by trial`}
          {...{ trials, objectives, onOpen, place, x, y, line }}
          height={300}
        />
      )}
    </Panel>
  )
}

function draw(trials: readonly Trial[], objective: Objective) {
  const numbers = trials.map(({ number }) => number)
  const x = { label: 'trial', axis: makeAxis(numbers, (number) => formatCount(Math.round(number)), false) }
  const y = {
    label: objective.metric,
    axis: makeAxis(
      trials.map((trial) => valueOf(trial, objective)),
      formatNumber,
    ),
  }
  const best = bestSoFar(trials, objective)
  const last = trials.length - 1
  const line = trials.flatMap(({ number }, at) => {
    // Only where it changes, and at the end.
    if (best[at] === undefined || (best[at] === best[at - 1] && at !== last)) return []
    const [across, up] = [x.axis.place(number), y.axis.place(best[at])]
    return across === undefined || up === undefined ? [] : [{ x: across, y: up }]
  })
  return { x, y, line }
}
