import type { ApiError } from '@nabla/api/client'
import type { Run } from '@nabla/api/run'
import { useQueries } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { apiQuery } from '../../api/query.ts'
import { EmptyState, ErrorState, Lines } from '../../parts/states.tsx'
import { CompareCode } from '../job/compare-code.tsx'
import { environmentRows, specRows } from '../job/compare-rows.ts'
import { Rows } from '../job/compare-table.tsx'

/** More do not fit beside each other. */
const mostJobs = 8

/** The jobs of runs side by side: what was asked for, their files and their packages. */
export function CompareJobs({ runs }: { runs: readonly Run[] }): ReactNode {
  const ids = [...new Set(runs.flatMap(({ job }) => (job ? [job.id] : [])))].slice(0, mostJobs)
  const found = useQueries({ queries: ids.map((job) => apiQuery('job', 'show', { job })) })
  const jobs = found.flatMap(({ data }) => (data ? [data] : []))
  const error = found.find((one) => one.error)?.error as ApiError | undefined
  if (ids.length < 2) {
    return <EmptyState title="Code and packages are known of runs in jobs; at least two of these have to be." />
  }
  if (error) return <ErrorState error={error} onRetry={() => found.forEach((one) => void one.refetch())} />
  if (jobs.length < ids.length) return <Lines count={8} />
  return (
    <div className="stack">
      <Rows title="What was asked for" jobs={jobs} rows={specRows(jobs)} onlyDifferent />
      <Rows title="Environment" jobs={jobs} rows={environmentRows(jobs)} onlyDifferent />
      <CompareCode jobs={jobs} onlyDifferent />
    </div>
  )
}
