import type { Sweep, TrialState } from '@nabla/api/sweep'
import { trialStates } from '@nabla/api/trial-states'
import type { ReactNode } from 'react'
import { formatCount } from '../../parts/format.ts'
import { StateBadge } from '../../parts/state-badge.tsx'
import { trialShapes } from './trial-words.ts'

const shown: readonly TrialState[] = ['complete', 'stopped', 'failed', 'running']

/** How many trials there are in each state, of all that are wanted. */
export function SweepProgress({ trials }: { trials: Sweep['trials'] }): ReactNode {
  const ended = trials.complete + trials.stopped + trials.failed
  return (
    <div className="sweep-progress">
      <strong className="number">
        {formatCount(ended)} of {formatCount(trials.most)} trials
      </strong>
      <ProgressBar trials={trials} />
      <span className="sweep-counts">
        {shown.map((state) => (
          <StateBadge
            key={state}
            state={state}
            shape={trialShapes[state]}
            label={`${formatCount(trials[state])} ${trialStates[state].label.toLowerCase()}`}
          />
        ))}
      </span>
    </div>
  )
}

/** The same as one bar; the numbers stand beside it. */
export function ProgressBar({ trials }: { trials: Sweep['trials'] }): ReactNode {
  return (
    <span className="sweep-bar" aria-hidden="true">
      {shown.map((state) => (
        <span
          key={state}
          className={`sweep-bar-${state}`}
          style={{ width: `${(100 * trials[state]) / Math.max(trials.most, trials.asked)}%` }}
        />
      ))}
    </span>
  )
}
