import { Switch } from '@mantine/core'
import type { Job } from '@nabla/api/job'
import type { ApiError } from '@nabla/api/client'
import { useQueries } from '@tanstack/react-query'
import { lazy, type ReactNode, Suspense } from 'react'
import { apiQuery } from '../../api/query.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { EmptyState, ErrorState, Lines } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { CompareCode } from './compare-code.tsx'
import { environmentRows, outcomeRows, specRows } from './compare-rows.ts'
import { Rows } from './compare-table.tsx'
import '@mantine/core/styles/Switch.css'

const CompareMetrics = lazy(() =>
  import('./compare-metrics.tsx').then(({ CompareMetrics }) => ({ default: CompareMetrics })),
)

const crumbs = [{ label: 'Jobs', to: '/jobs' }]
/** More do not fit beside each other. */
const mostJobs = 8

/** Jobs side by side: how they went, what was asked for, their files and packages, what they used. */
export function ComparePage(): ReactNode {
  const [ids] = useUrlState('ids')
  const chosen = [...new Set(ids.split(',').filter((id) => id !== ''))].slice(0, mostJobs)
  const found = useQueries({ queries: chosen.map((job) => apiQuery('job', 'show', { job })) })
  const jobs = found.flatMap(({ data }) => (data ? [data] : []))
  const error = found.find((one) => one.error)?.error as ApiError | undefined
  return (
    <>
      <PageHeader title={`Compare ${chosen.length} jobs`} crumbs={crumbs} />
      {chosen.length < 2 ? (
        <EmptyState title="Select two jobs or more in the list, and compare them." command="job list" />
      ) : error ? (
        <ErrorState error={error} onRetry={() => found.forEach((one) => void one.refetch())} />
      ) : jobs.length < chosen.length ? (
        <Lines count={10} />
      ) : (
        <Compared jobs={jobs} />
      )}
    </>
  )
}

function Compared({ jobs }: { jobs: readonly Job[] }): ReactNode {
  const [all, setAll] = useUrlState('all')
  const onlyDifferent = all === ''
  return (
    <div className="stack">
      <div className="row">
        <Switch
          label="Only differences"
          checked={onlyDifferent}
          onChange={(event) => setAll(event.currentTarget.checked ? '' : 'yes')}
        />
      </div>
      <Rows title="How they went" jobs={jobs} rows={outcomeRows(jobs)} {...{ onlyDifferent }} />
      <Rows title="What was asked for" jobs={jobs} rows={specRows(jobs)} {...{ onlyDifferent }} />
      <Rows title="Environment" jobs={jobs} rows={environmentRows(jobs)} {...{ onlyDifferent }} />
      <CompareCode jobs={jobs} onlyDifferent={onlyDifferent} />
      <Suspense fallback={<Lines count={4} />}>
        <CompareMetrics jobs={jobs} />
      </Suspense>
      <CommandLine line={`job compare ${jobs[0]!.id} ${jobs[1]!.id}`} />
    </div>
  )
}
