import type { Job, JobPhase, JobSummary } from '@nabla/api/job'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { Duration } from '../../parts/amount.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { LineRoom, Loaded } from '../../parts/states.tsx'
import { NothingHere } from './nothing-here.tsx'

/** Rows of a panel; the list of jobs has the others. */
const most = 8

/** What is on the machine now: how far it is, and for how long. */
export function RunningPanel(): ReactNode {
  const running = useApi('job', 'list', { state: 'running', limit: most })
  return (
    <Panel title="Running jobs" actions={<Link to={'/jobs?state=running' as never}>All</Link>} flush>
      <Loaded query={running} lines={3}>
        {({ items }) =>
          items.length === 0 ? (
            <NothingHere command="run -- echo hello">No job runs now.</NothingHere>
          ) : (
            <ul className="home-rows">
              {items.map((job) => (
                <RunningRow key={job.id} job={job} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  )
}

function RunningRow({ job }: { job: JobSummary }): ReactNode {
  const whole = useApi('job', 'show', { job: job.id })
  return (
    <li className="home-row">
      <StateBadge state="running" bare />
      <span className="home-name">
        <Link to={`/jobs/${job.id}` as never} className="ellipsis" title={job.name} dir="auto">
          {job.name}
        </Link>
        <span className="faint ellipsis" dir="auto">
          {job.project.name} · {job.machineType}
        </span>
      </span>
      <Progress phases={whole.data?.phases} />
      <span className="home-time">
        <Duration from={job.startedAt ?? job.createdAt} to={null} />
      </span>
    </li>
  )
}

/** `Run`. */
const word = (name: JobPhase['name']): string => name.slice(0, 1).toUpperCase() + name.slice(1)

const phases = [
  'queue',
  'files',
  'build',
  'image',
  'create',
  'start',
  'environment',
  'run',
  'collect',
] satisfies JobPhase['name'][]

/** All that a job goes through, and where it is. */
function Progress({ phases: gone }: { phases: Job['phases'] | undefined }): ReactNode {
  const now = gone?.at(-1)?.name
  const seen = new Set(gone?.map(({ name }) => name))
  return (
    <span className="home-progress">
      <span className="home-steps" aria-hidden="true">
        {phases.map((name) => (
          <span key={name} className={name === now ? 'step-on' : seen.has(name) ? 'step-done' : ''} />
        ))}
      </span>
      <span className="muted">{now === undefined ? <LineRoom /> : word(now)}</span>
    </span>
  )
}
