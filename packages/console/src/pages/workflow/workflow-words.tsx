import type { WorkflowRunSummary } from '@nabla/api/workflow'
import type { WorkflowJobState, WorkflowRunState } from '@nabla/api/workflow-state'
import { workflowJobStates, workflowRunStates } from '@nabla/api/workflow-states'
import type { ReactNode } from 'react'
import { type Shape, StateBadge } from '../../parts/state-badge.tsx'

/** The shape of each state, of runs and of their jobs. */
export const stateShapes: Record<WorkflowRunState | WorkflowJobState, Shape> = {
  waiting: 'waiting',
  pending: 'waiting',
  running: 'running',
  collecting: 'running',
  stopping: 'running',
  succeeded: 'done',
  failed: 'failed',
  skipped: 'stopped',
  cancelled: 'stopped',
}

/** The state of a run as shape, colour and word; the reason is on hover. */
export function RunStateBadge({ run }: { run: Pick<WorkflowRunSummary, 'state' | 'reason'> }): ReactNode {
  const { state, reason } = run
  const { label, about } = workflowRunStates[state]
  return (
    <span title={reason ?? about}>
      <StateBadge state={state} shape={stateShapes[state]} label={label} />
    </span>
  )
}

/** The same of a job of a run. */
export function JobStateBadge({ state, reason }: { state: WorkflowJobState; reason: string | null }): ReactNode {
  const { label, about } = workflowJobStates[state]
  return (
    <span title={reason ?? about}>
      <StateBadge state={state} shape={stateShapes[state]} label={label} />
    </span>
  )
}

/** Where a run is looked at. */
export const runAddress = ({ workflow, number }: Pick<WorkflowRunSummary, 'workflow' | 'number'>): string =>
  `/workflows/${workflow.id}/runs/${number}`
