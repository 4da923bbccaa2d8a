import type { JobSummary } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job-states'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { LineRoom, Loaded } from '../../parts/states.tsx'
import { parseAnsi } from '../../parts/ansi.ts'
import { NothingHere } from './nothing-here.tsx'

const most = 6
const bad = ['failed', 'error', 'preempted'] as const
const allFailed = `/jobs?${bad.map((state) => `state=${state}`).join('&')}`

/** What went wrong lately: the sentence why, and the line of the log that says it. */
export function FailedPanel(): ReactNode {
  const failed = useApi('job', 'list', { state: [...bad], limit: most })
  return (
    <Panel title="Failed lately" actions={<Link to={allFailed as never}>All</Link>} flush>
      <Loaded query={failed} lines={3}>
        {({ items }) =>
          items.length === 0 ? (
            <NothingHere>Nothing has failed.</NothingHere>
          ) : (
            <ul className="home-rows">
              {items.map((job) => (
                <FailedRow key={job.id} job={job} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  )
}

function FailedRow({ job }: { job: JobSummary }): ReactNode {
  const { id, name, project, state, reason, exitCode, endedAt } = job
  const sentence = reason ?? (exitCode === null ? jobStates[state].label : `Exit code ${exitCode}.`)
  return (
    <li className="home-row">
      <StateBadge state={state} bare />
      <span className="home-failure">
        <span className="home-name">
          <Link to={`/jobs/${id}` as never} className="ellipsis" title={name} dir="auto">
            {name}
          </Link>
          <span className="faint ellipsis" dir="auto">
            {project.name}
          </span>
        </span>
        <span className="home-why" dir="auto">
          {sentence}
        </span>
        <ErrorLine job={job} />
      </span>
      <span className="home-time">
        <RelativeTime time={endedAt} />
      </span>
    </li>
  )
}

/** The last line of the log that tells of an error; it opens there. A log that ended does not change. */
function ErrorLine({ job: { id, attempt } }: { job: JobSummary }): ReactNode {
  const found = useQuery({
    queryKey: ['last-error', id, attempt],
    queryFn: ({ signal }) =>
      client.job.searchLogs({ job: id, errors: true, before: Number.MAX_SAFE_INTEGER, limit: 1 }, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  })
  const line = found.data?.items[0]
  // It takes its room before it is known: rows that grow would move what is below them.
  if (!found.data) return <LineRoom />
  if (!line) {
    return (
      <Link to={`/jobs/${id}` as never} className="home-log">
        Look at its log
      </Link>
    )
  }
  const text = parseAnsi(line.text)
    .map((segment) => segment.text)
    .join('')
  return (
    <Link to={`/jobs/${id}?line=${line.seq}` as never} className="home-log mono ellipsis" dir="auto">
      <span className="faint">{line.seq}</span> {text.slice(0, 300)}
    </Link>
  )
}
