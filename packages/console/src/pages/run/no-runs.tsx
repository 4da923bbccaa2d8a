import type { ReactNode } from 'react'
import { EmptyState } from '../../parts/states.tsx'

/** What begins a run, where there is none. */
export function NoRuns(): ReactNode {
  return (
    <EmptyState title="No runs yet. A job begins one when its code logs something." command="run -- python train.py">
      In a job <code>mlflow.log_metric("loss", 0.1)</code> is all it takes: address and token are set.
    </EmptyState>
  )
}
