import type { ApiError } from '@nabla/api/client'
import type { QueuedJob } from '@nabla/api/server'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { Loaded } from '../../parts/states.tsx'
import { NothingHere } from './nothing-here.tsx'

const most = 8

/** What waits, next one first, and what for. */
export function QueuePanel(): ReactNode {
  const queue = useQuery<readonly QueuedJob[], ApiError>({
    // Under the noun `job`: the queue changes when a job does.
    queryKey: ['job', 'queue', {}],
    queryFn: async ({ signal }) => (await client.server.queue({ limit: most }, { signal })).items,
  })
  return (
    <Panel title="Queue" actions={<Link to={'/jobs?state=pending' as never}>All</Link>} flush>
      <Loaded query={queue} lines={3}>
        {(items) =>
          items.length === 0 ? (
            <NothingHere>Nothing waits.</NothingHere>
          ) : (
            <ul className="home-rows">
              {items.map((item) => (
                <QueueRow key={item.job.id} item={item} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  )
}

function QueueRow({ item }: { item: QueuedJob }): ReactNode {
  const { job, project, machineType, position, why, createdAt } = item
  return (
    <li className="home-row">
      <span className="home-place number" title={`Place ${position} in the queue`}>
        {position}
      </span>
      <span className="home-failure">
        <span className="home-name">
          <Link to={`/jobs/${job.id}` as never} className="ellipsis" title={job.name} dir="auto">
            {job.name}
          </Link>
          <span className="faint ellipsis" dir="auto">
            {project.name} · {machineType}
          </span>
        </span>
        <span className="muted">{why}</span>
      </span>
      <span className="home-time">
        <RelativeTime time={createdAt} />
      </span>
    </li>
  )
}
