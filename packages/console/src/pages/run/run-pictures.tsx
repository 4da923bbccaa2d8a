import type { Run } from '@nabla/api/run'
import type { ReactNode } from 'react'
import { EmptyState } from '../../parts/states.tsx'
import { RunImportance } from './run-importance.tsx'
import { RunParallel } from './run-parallel.tsx'
import { RunScatter } from './run-scatter.tsx'
import type { RunView } from './run-views.tsx'

/** Pictures of what depends on what, over many runs. */
export function RunPictures({ runs, view }: { runs: readonly Run[]; view: RunView }): ReactNode {
  if (runs.length === 0) return <EmptyState title="No run is like that." />
  if (view === 'parallel') return <RunParallel runs={runs} />
  if (view === 'scatter') return <RunScatter runs={runs} />
  return <RunImportance runs={runs} />
}
