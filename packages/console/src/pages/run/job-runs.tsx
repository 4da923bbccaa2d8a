import type { Run } from '@nabla/api/run'
import { type ReactNode, useMemo } from 'react'
import { useApi } from '../../api/query.ts'
import { Panel } from '../../parts/page-header.tsx'
import { RunCharts } from './run-charts.tsx'
import { toCharted } from './run-views.tsx'

/** Runs of one job that are drawn: most have one. */
const mostRuns = 20

/** The curves that a job logs, above what it uses; nothing as long as it logs none. */
export function JobRuns({ job }: { job: string }): ReactNode {
  const { data } = useApi('run', 'list', { job, limit: mostRuns, columns: '' })
  const names = useApi('run', 'columns', { job })
  const metrics = names.data?.metrics ?? none
  return data && metrics.length > 0 && <Charts runs={data.items} metrics={metrics} />
}

const none: readonly string[] = []

function Charts({ runs, metrics }: { runs: readonly Run[]; metrics: readonly string[] }): ReactNode {
  const key = runs.map(({ id, name, state }) => `${id} ${name} ${state}`).join(',')
  const charted = useMemo(() => runs.map(toCharted), [key])
  return (
    <Panel title="What it logs">
      <RunCharts runs={charted} metrics={metrics} empty={null} />
    </Panel>
  )
}
