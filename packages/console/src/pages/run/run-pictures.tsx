import type { Run } from '@nabla/api/run'
import type { ReactNode } from 'react'
import { EmptyState } from '../../parts/states.tsx'
import { RunImportance } from './run-importance.tsx'
import { RunParallel } from './run-parallel.tsx'
import { RunScatter } from './run-scatter.tsx'
import type { RunNames } from './run-source.ts'
import type { RunView } from './run-views.tsx'

/** Pictures of what depends on what, over many runs. */
export function RunPictures(props: { runs: readonly Run[]; names: RunNames; view: RunView }): ReactNode {
  const { runs, names, view } = props
  if (runs.length === 0) return <EmptyState title="No run is like that." />
  if (view === 'parallel') return <RunParallel runs={runs} names={names} />
  if (view === 'scatter') return <RunScatter runs={runs} names={names} />
  return <RunImportance runs={runs} names={names} />
}
