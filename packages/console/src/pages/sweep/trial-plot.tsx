import type { Trial } from '@nabla/api/sweep'
import type { Objective } from '@nabla/api/sweep-views'
import { type ReactNode, useMemo } from 'react'
import { formatNumber } from '../../parts/chart.tsx'
import { ScatterPlot, type ScatterProps } from '../../parts/scatter-plot.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { trialShapes, trialColors, valuesText } from './trial-words.ts'

/** What a picture of trials is of. */
export interface TrialPicture {
  trials: readonly Trial[]
  objectives: readonly Objective[]
  onOpen: (trial: number) => void
}

/** Trials as points. `place` says where one stands, from 0 to 1 on both axes; undefined: it is not shown. */
export function TrialPlot(
  props: TrialPicture &
    Pick<ScatterProps, 'label' | 'x' | 'y' | 'line' | 'shades' | 'height'> & {
      place: (trial: Trial, at: number) => readonly [number, number] | undefined
      /** Trials that stand out. */
      marked?: ReadonlySet<number>
    },
): ReactNode {
  const { trials, objectives, onOpen, place, marked, line, shades, ...plot } = props
  const points = useMemo(
    () =>
      trials.flatMap((trial, at) => {
        const found = place(trial, at)
        const color = marked?.has(trial.number) ? 2 : trialColors[trial.state]
        return found ? [{ id: String(at), x: found[0], y: found[1], color }] : []
      }),
    [trials, place, marked],
  )
  return (
    <ScatterPlot
      {...plot}
      {...(line && { line })}
      {...(shades && { shades })}
      points={points}
      describe={({ id }) => <TrialTip trial={trials[Number(id)]} objectives={objectives} />}
      onOpen={({ id }) => {
        const trial = trials[Number(id)]
        if (trial) onOpen(trial.number)
      }}
    />
  )
}

/** What is said of a trial that the pointer is at. */
export function TrialTip({
  trial,
  objectives,
}: {
  trial: Trial | undefined
  objectives: readonly Objective[]
}): ReactNode {
  if (!trial) return null
  return (
    <>
      <div className="row">
        <strong>Trial {trial.number}</strong>
        <StateBadge state={trial.state} shape={trialShapes[trial.state]} />
      </div>
      {objectives.map(({ metric }) => {
        const value = trial.objectives?.[metric]
        return (
          value !== undefined && (
            <div key={metric} className="number">
              <span className="muted">{metric}</span> {formatNumber(value)}
            </div>
          )
        )
      })}
      <div className="muted">{valuesText(trial.values)}</div>
    </>
  )
}
