import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { Loaded } from '../../parts/states.tsx'
import { JobFiles } from '../job/job-page-files.tsx'

/** What the job of a run left in its artifacts folder. */
export function RunFiles({ job }: { job: string }): ReactNode {
  const query = useApi('job', 'show', { job })
  return <Loaded query={query}>{(job) => <JobFiles job={job} which="artifact" />}</Loaded>
}
