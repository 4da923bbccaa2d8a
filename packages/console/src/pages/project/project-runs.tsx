import type { Project } from '@nabla/api/project'
import { type ReactNode, useMemo } from 'react'
import { NoRuns } from '../run/no-runs.tsx'
import { RunViews } from '../run/run-views.tsx'

/** What the jobs of a project, and programs elsewhere, tracked in it. */
export function ProjectRuns({ project: { id } }: { project: Project }): ReactNode {
  const place = useMemo(() => ({ project: id }), [id])
  return <RunViews place={place} empty={<NoRuns />} />
}
