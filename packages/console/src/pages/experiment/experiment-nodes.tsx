import type { Experiment, ExperimentJob } from '@nabla/api/experiment'
import { jobStates } from '@nabla/api/job-states'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState } from '../../parts/states.tsx'

/** The nodes of the last attempt with their jobs, by rank: at most some dozen, so all are drawn. */
export function ExperimentNodes({ experiment }: { experiment: Experiment }): ReactNode {
  const { jobs, state, id } = experiment
  if (jobs.length === 0) {
    return state === 'created' ? (
      <EmptyState title="It has not been started." command={`experiment start ${id}`} />
    ) : (
      <EmptyState title="Its jobs are not there any more." />
    )
  }
  return (
    <div className="panel experiment-nodes" tabIndex={0} role="region" aria-label="Nodes: table">
      <table>
        <thead>
          <tr>
            {['Node', 'State', 'Job', 'Machine', 'Started', 'Duration'].map((title) => (
              <th key={title} scope="col" className={title === 'Duration' ? 'table-right' : undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <Node key={job.id} job={job} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Node({ job }: { job: ExperimentJob }): ReactNode {
  const { id, name, host, rank, state, reason, exitCode, machineType, startedAt, endedAt } = job
  const code = state === 'failed' && exitCode !== null ? `, exit code ${exitCode}` : ''
  return (
    <tr>
      <th scope="row">
        <span className="mono">{host}</span> <span className="faint number">rank {rank}</span>
      </th>
      <td>
        <StateBadge state={state} label={jobStates[state].label + code} />
        {reason !== null && <div className="experiment-node-reason muted">{reason}</div>}
      </td>
      <td>
        <Link to={`/jobs/${id}` as never} dir="auto">
          {name}
        </Link>
      </td>
      <td>{machineType}</td>
      <td>
        <RelativeTime time={startedAt} />
      </td>
      <td className="table-right">
        <Duration from={startedAt} to={endedAt} />
      </td>
    </tr>
  )
}
