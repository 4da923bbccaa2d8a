import type { SearchSpace } from '@nabla/api/search-space'
import { valueOf } from '@nabla/api/sweep-views'
import { Button } from '@mantine/core'
import { type ReactNode, useMemo, useState } from 'react'
import { formatNumber } from '../../parts/chart.tsx'
import { formatCount, plural } from '../../parts/format.ts'
import { isWithin, readBrushes, writeBrushes } from '../../parts/parallel-brush.ts'
import { ParallelCoordinates } from '../../parts/parallel-coordinates.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { makeAxis } from '../../parts/value-axis.ts'
import { axisOfParameter, axisValue } from './axis.ts'
import type { TrialPicture } from './trial-plot.tsx'

/** Axes that fit beside each other; of more parameters the most important. */
const mostAxes = 10
const mostNamed = 12

/** Trials as lines across their parameters and objectives; what is kept on the axes leaves those that go through there. */
export function SweepParallel(props: TrialPicture & { space: SearchSpace; names: readonly string[] }): ReactNode {
  const { objectives, space, names, onOpen } = props
  const [brushText, setBrushes] = useUrlState('brush')
  const [marked, setMarked] = useState<number>()
  const trials = useMemo(() => props.trials.filter(({ objectives: own }) => own !== null), [props.trials])
  const brushes = useMemo(() => readBrushes(brushText), [brushText])
  const shown = names.slice(0, mostAxes).join('\n')
  const axes = useMemo(() => {
    const ofParameters = shown.split('\n').map((name) => ({
      id: name,
      label: name,
      axis: axisOfParameter(space[name]!),
      values: trials.map(({ values }) => axisValue(values[name])),
    }))
    const ofObjectives = objectives.map((one) => {
      const values = trials.map((trial) => valueOf(trial, one))
      return { id: `objective ${one.metric}`, label: one.metric, axis: makeAxis(values, formatNumber), values }
    })
    return [...ofParameters, ...ofObjectives]
  }, [trials, shown, objectives])
  const kept = useMemo(
    () => trials.flatMap((trial, row) => (isWithin(axes, brushes, row) ? [{ trial, row }] : [])),
    [trials, axes, brushes],
  )
  const isBrushed = Object.keys(brushes).length > 0
  return (
    <div className="stack">
      <div className="panel">
        <ParallelCoordinates
          axes={axes}
          count={trials.length}
          colorBy={axes.at(-1)?.id}
          brushes={brushes}
          onBrush={(next) => setBrushes(writeBrushes(next))}
          marked={marked}
        />
      </div>
      <div className="row sweep-kept">
        <span aria-live="polite">
          <strong className="number">{formatCount(kept.length)}</strong>{' '}
          <span className="muted">
            of {plural(trials.length, 'trial')}
            {isBrushed ? ' go through what is kept' : '. Drag along an axis to keep a part of it'}
          </span>
        </span>
        {isBrushed && <Button onClick={() => setBrushes('')}>Keep all</Button>}
      </div>
      <ul className="sweep-numbers" aria-label="Trials that are kept">
        {kept.slice(0, mostNamed).map(({ trial, row }) => (
          <li key={trial.number} onPointerEnter={() => setMarked(row)} onPointerLeave={() => setMarked(undefined)}>
            <button
              type="button"
              className="sweep-number"
              onClick={() => onOpen(trial.number)}
              onFocus={() => setMarked(row)}
              onBlur={() => setMarked(undefined)}
            >
              Trial {trial.number}
            </button>
          </li>
        ))}
        {kept.length > mostNamed && <li className="faint">and {formatCount(kept.length - mostNamed)} more</li>}
      </ul>
    </div>
  )
}
