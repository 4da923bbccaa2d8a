import type { Parameter, SearchSpace } from '@nabla/api/search-space'
import type { Trial } from '@nabla/api/sweep'
import { evenly, type Objective, valueOf } from '@nabla/api/sweep-views'
import { Button } from '@mantine/core'
import { type ReactNode, useCallback, useMemo, useState } from 'react'
import { formatNumber } from '../../parts/chart.tsx'
import { formatCount } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { makeAxis, type ValueAxis } from '../../parts/value-axis.ts'
import { axisOfParameter, axisValue } from './axis.ts'
import { type TrialPicture, TrialPlot } from './trial-plot.tsx'

/** Plots that are drawn at once; the others when they are asked for. */
const mostAtOnce = 12
/** Points of one plot. */
const mostPoints = 2000

/** The objective over each parameter by itself; trials where a condition leaves it out are not in it. */
export function SweepSlices(
  props: TrialPicture & { objective: Objective; space: SearchSpace; names: readonly string[] },
): ReactNode {
  const { objective, space, names } = props
  const [all, setAll] = useState(false)
  const valued = useMemo(
    () => props.trials.filter((trial) => valueOf(trial, objective) !== undefined),
    [props.trials, objective],
  )
  const trials = useMemo(() => evenly(valued, mostPoints), [valued])
  const axis = useMemo(
    () =>
      makeAxis(
        trials.map((trial) => valueOf(trial, objective)),
        formatNumber,
      ),
    [trials, objective],
  )
  return (
    <div className="stack">
      <div className="sweep-slices">
        {names.slice(0, all ? names.length : mostAtOnce).map((name) => (
          <Slice key={name} {...props} trials={trials} name={name} one={space[name]!} axis={axis} />
        ))}
      </div>
      {names.length > mostAtOnce && !all && (
        <div>
          <Button onClick={() => setAll(true)}>Show all {formatCount(names.length)} parameters</Button>
        </div>
      )}
      {trials.length < valued.length && <Sampled shown={trials.length} of={valued.length} />}
    </div>
  )
}

/** Says that a picture shows some of the trials. */
export function Sampled({ shown, of }: { shown: number; of: number }): ReactNode {
  return (
    <p className="muted">
      {formatCount(shown)} of {formatCount(of)} trials are drawn, evenly chosen.
    </p>
  )
}

function Slice(
  props: TrialPicture & { objective: Objective; name: string; one: Parameter; axis: ValueAxis },
): ReactNode {
  const { name, one, axis, objective, trials, objectives, onOpen } = props
  const text = JSON.stringify(one)
  const x = useMemo(() => ({ label: '', axis: axisOfParameter(one) }), [text])
  const y = useMemo(() => ({ label: objective.metric, axis }), [objective, axis])
  const place = useCallback(
    (trial: Trial) => {
      const [across, up] = [x.axis.place(axisValue(trial.values[name])), axis.place(valueOf(trial, objective))]
      return across === undefined || up === undefined ? undefined : ([across, up] as const)
    },
    [x, axis, name, objective],
  )
  return (
    <Panel title={name}>
      <TrialPlot
        label={`${objective.metric} over ${name}`}
        {...{ trials, objectives, onOpen, place, x, y }}
        height={220}
      />
    </Panel>
  )
}
