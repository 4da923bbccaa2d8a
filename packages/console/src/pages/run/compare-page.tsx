import type { ApiError } from '@nabla/api/client'
import type { Run } from '@nabla/api/run'
import { useQueries } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useMemo } from 'react'
import { apiQuery } from '../../api/query.ts'
import { PageHeader } from '../../parts/page-header.tsx'
import { EmptyState, ErrorState, Lines } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { useSetUrlSearch, useUrlState } from '../../parts/url-state.ts'
import { CompareParams } from './compare-params.tsx'
import { namesOf } from './run-fields.ts'
import { looksOf } from './run-look.ts'
import { toCharted } from './run-views.tsx'
import './run.css'

const RunCharts = lazy(() => import('./run-charts.tsx').then(({ RunCharts }) => ({ default: RunCharts })))
const RunPictures = lazy(() => import('./run-pictures.tsx').then(({ RunPictures }) => ({ default: RunPictures })))
const CompareJobs = lazy(() => import('./compare-jobs.tsx').then(({ CompareJobs }) => ({ default: CompareJobs })))

const crumbs = [{ label: 'Runs', to: '/runs' }]
/** As many as have looks of their own, and about as many as one can tell apart. */
const mostRuns = 50

/** Runs over and beside each other: curves, what was different, code and packages, and what depends on what. */
export function CompareRunsPage(): ReactNode {
  const [text] = useUrlState('ids')
  const ids = useMemo(() => [...new Set(text.split(',').filter((id) => id !== ''))].slice(0, mostRuns), [text])
  const found = useQueries({ queries: ids.map((run) => apiQuery('run', 'show', { run })) })
  const error = found.find((one) => one.error)?.error as ApiError | undefined
  const version = found.map(({ dataUpdatedAt }) => dataUpdatedAt).join(',')
  const runs = useMemo(() => found.flatMap(({ data }) => (data ? [data] : [])), [version])
  return (
    <>
      <PageHeader title={`Compare ${ids.length} runs`} crumbs={crumbs} />
      {ids.length < 2 ? (
        <EmptyState title="Select two runs or more in the table, and compare them." />
      ) : error ? (
        <ErrorState error={error} onRetry={() => found.forEach((one) => void one.refetch())} />
      ) : runs.length < ids.length ? (
        <Lines count={10} />
      ) : (
        <Compared runs={runs} />
      )}
    </>
  )
}

function Compared({ runs }: { runs: readonly Run[] }): ReactNode {
  const names = useMemo(() => ({ metrics: namesOf(runs, 'metrics'), params: namesOf(runs, 'params') }), [runs])
  const { metrics } = names
  const key = runs.map(({ id, name, state }) => `${id} ${name} ${state}`).join(',')
  const charted = useMemo(() => runs.map(toCharted), [key])
  const pictures = (view: 'parallel' | 'scatter' | 'importance') => (
    <Suspense fallback={<Lines count={8} />}>
      <RunPictures runs={runs} names={names} view={view} />
    </Suspense>
  )
  return (
    <>
      <Legend runs={runs} />
      <Tabs
        label="Compare"
        tabs={[
          {
            id: 'charts',
            label: 'Charts',
            count: metrics.length,
            content: () => (
              <Suspense fallback={<Lines count={8} />}>
                <RunCharts runs={charted} metrics={metrics} empty={<EmptyState title="They logged no metrics." />} />
              </Suspense>
            ),
          },
          { id: 'params', label: 'Parameters', content: () => <CompareParams runs={runs} /> },
          {
            id: 'code',
            label: 'Code and packages',
            content: () => (
              <Suspense fallback={<Lines count={8} />}>
                <CompareJobs runs={runs} />
              </Suspense>
            ),
          },
          { id: 'parallel', label: 'Parallel', content: () => pictures('parallel') },
          { id: 'scatter', label: 'Scatter', content: () => pictures('scatter') },
          { id: 'importance', label: 'Importance', content: () => pictures('importance') },
        ]}
      />
    </>
  )
}

/** The runs with their colours; pressing one hides its lines on all charts. */
function Legend({ runs }: { runs: readonly Run[] }): ReactNode {
  const [hide] = useUrlState('hide')
  const change = useSetUrlSearch()
  const hidden = new Set(hide.split(',').filter((id) => id !== ''))
  const looks = looksOf(runs.map(({ id }) => id))
  const toggle = (id: string) => {
    const next = hidden.has(id) ? [...hidden].filter((one) => one !== id) : [...hidden, id]
    change({ hide: next.join(',') })
  }
  return (
    <ul className="run-legend" aria-label="Runs">
      {runs.map(({ id, name }) => {
        const look = looks.get(id)!
        return (
          <li key={id}>
            <button type="button" aria-pressed={!hidden.has(id)} aria-label={`Show ${name}`} onClick={() => toggle(id)}>
              <span className={`chart-mark chart-dash-${look.dash} chart-color-${look.color}`} aria-hidden="true" />
            </button>
            <Link to={`/runs/${id}` as never} dir="auto" className="ellipsis" title={name}>
              {name}
            </Link>
          </li>
        )
      })}
    </ul>
  )
}
