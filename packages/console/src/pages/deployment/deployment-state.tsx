import {
  type DeploymentState,
  deploymentStates,
  type InstanceState,
  instanceStates,
  type RevisionState,
  revisionStates,
} from '@nabla/api/deployment-states'
import type { ReactNode } from 'react'
import { type Shape, StateBadge } from '../../parts/state-badge.tsx'

const shapes: Record<DeploymentState, Shape> = {
  stopped: 'stopped',
  starting: 'running',
  running: 'done',
  degraded: 'warning',
  updating: 'running',
  sleeping: 'waiting',
  failed: 'failed',
  stopping: 'running',
}

const instanceShapes: Record<InstanceState, Shape> = {
  pending: 'waiting',
  starting: 'running',
  ready: 'done',
  unready: 'warning',
  restarting: 'warning',
  draining: 'running',
  ended: 'stopped',
}

const revisionShapes: Record<RevisionState, Shape> = {
  rolling: 'running',
  canary: 'running',
  serving: 'done',
  failed: 'failed',
  superseded: 'stopped',
}

/** The state of a deployment as shape, colour and word; the reason is on hover. */
export function DeploymentStateBadge(props: {
  deployment: { state: DeploymentState; reason: string | null }
}): ReactNode {
  const { state, reason } = props.deployment
  const { label, about } = deploymentStates[state]
  return (
    <span title={reason ?? about}>
      <StateBadge state={state} shape={shapes[state]} label={label} />
    </span>
  )
}

export function InstanceStateBadge({ state, reason }: { state: InstanceState; reason: string | null }): ReactNode {
  const { label, about } = instanceStates[state]
  return (
    <span title={reason ?? about}>
      <StateBadge state={state} shape={instanceShapes[state]} label={label} />
    </span>
  )
}

export function RevisionStateBadge({ state }: { state: RevisionState }): ReactNode {
  const { label, about } = revisionStates[state]
  return (
    <span title={about}>
      <StateBadge state={state} shape={revisionShapes[state]} label={label} />
    </span>
  )
}
