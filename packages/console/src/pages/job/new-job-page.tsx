import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { Loaded } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { JobForm } from './job-form.tsx'

/** Makes a job; with `?from=ID` one like another, with changes. */
export function NewJobPage(): ReactNode {
  const [from] = useUrlState('from')
  return from === '' ? <JobForm /> : <Clone key={from} job={from} />
}

function Clone({ job }: { job: string }): ReactNode {
  const query = useApi('job', 'show', { job })
  return <Loaded query={query}>{(original) => <JobForm clone={original} />}</Loaded>
}
