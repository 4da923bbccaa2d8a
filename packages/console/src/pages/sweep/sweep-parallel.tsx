import type { SearchSpace } from '@nabla/api/search-space'
import { valueOf } from '@nabla/api/sweep-views'
import { Button } from '@mantine/core'
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import { formatNumber } from '../../parts/chart.tsx'
import { formatCount, plural } from '../../parts/format.ts'
import { type Brushes, readBrushes, rowsWithin, writeBrushes } from '../../parts/parallel-brush.ts'
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
  const [brushes, setBrushes] = useBrushes()
  const [marked, setMarked] = useState<number>()
  const trials = useMemo(() => props.trials.filter(({ objectives: own }) => own !== null), [props.trials])
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
  const kept = useMemo(() => rowsWithin(axes, brushes, trials.length), [trials, axes, brushes])
  const isBrushed = Object.keys(brushes).length > 0
  return (
    <div className="stack">
      <div className="panel">
        <ParallelCoordinates
          axes={axes}
          count={trials.length}
          kept={kept}
          colorBy={axes.at(-1)?.id}
          brushes={brushes}
          onBrush={setBrushes}
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
        {isBrushed && <Button onClick={() => setBrushes({})}>Keep all</Button>}
      </div>
      <ul className="sweep-numbers" aria-label="Trials that are kept">
        {namedOf(kept, trials).map(({ number, row }) => (
          <li key={number} onPointerEnter={() => setMarked(row)} onPointerLeave={() => setMarked(undefined)}>
            <button
              type="button"
              className="sweep-number"
              onClick={() => onOpen(number)}
              onFocus={() => setMarked(row)}
              onBlur={() => setMarked(undefined)}
            >
              Trial {number}
            </button>
          </li>
        ))}
        {kept.length > mostNamed && <li className="faint">and {formatCount(kept.length - mostNamed)} more</li>}
      </ul>
    </div>
  )
}

const namedOf = (kept: readonly number[], trials: TrialPicture['trials']) =>
  kept.slice(0, mostNamed).flatMap((row) => (trials[row] ? [{ number: trials[row].number, row }] : []))

/** The address is written once one has let go: writing it draws the whole page anew. */
const settleMs = 250

function useBrushes(): [Brushes, (brushes: Brushes) => void] {
  const [text, setText] = useUrlState('brush')
  const [brushes, setBrushes] = useState(() => readBrushes(text))
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const set = (next: Brushes) => {
    setBrushes(next)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setText(writeBrushes(next)), settleMs)
  }
  return [brushes, set]
}
