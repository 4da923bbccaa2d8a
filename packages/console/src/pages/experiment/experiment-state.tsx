import type { ExperimentState } from '@nabla/api/experiment-state'
import { experimentStates } from '@nabla/api/experiment-states'
import type { ReactNode } from 'react'
import { type Shape, StateBadge } from '../../parts/state-badge.tsx'

const shapes: Record<ExperimentState, Shape> = {
  created: 'waiting',
  pending: 'waiting',
  provisioning: 'running',
  running: 'running',
  stopping: 'running',
  succeeded: 'done',
  failed: 'failed',
  error: 'failed',
  cancelled: 'stopped',
}

/** The state of an experiment as shape, colour and word; the reason is on hover. */
export function ExperimentStateBadge(props: {
  experiment: { state: ExperimentState; exitCode: number | null; reason: string | null }
}): ReactNode {
  const { state, exitCode, reason } = props.experiment
  const { label } = experimentStates[state]
  const code = state === 'failed' && exitCode !== null ? `, exit code ${exitCode}` : ''
  return (
    <span title={reason ?? undefined}>
      <StateBadge state={state} shape={shapes[state]} label={label + code} />
    </span>
  )
}
