import type { Run } from '@nabla/api/run'
import { type ReactNode, useMemo } from 'react'
import { useApi } from '../../api/query.ts'
import { Panel } from '../../parts/page-header.tsx'
import { namesOf } from './run-fields.ts'
import { RunCharts } from './run-charts.tsx'
import { toCharted } from './run-views.tsx'

/** Runs of one job that are drawn: most have one. */
const mostRuns = 20

/** The curves that a job logs, above what it uses; nothing as long as it logs none. */
export function JobRuns({ job }: { job: string }): ReactNode {
  const { data } = useApi('run', 'list', { job, limit: mostRuns })
  return data && data.items.some(({ metrics }) => Object.keys(metrics).length > 0) && <Charts runs={data.items} />
}

function Charts({ runs }: { runs: readonly Run[] }): ReactNode {
  const metrics = useMemo(() => namesOf(runs, 'metrics'), [runs])
  const key = runs.map(({ id, name, state }) => `${id} ${name} ${state}`).join(',')
  const charted = useMemo(() => runs.map(toCharted), [key])
  return (
    <Panel title="What it logs">
      <RunCharts runs={charted} metrics={metrics} empty={null} />
    </Panel>
  )
}
