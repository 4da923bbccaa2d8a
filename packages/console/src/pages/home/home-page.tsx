import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { PageHeader, Panel } from '../../parts/page-header.tsx'
import { plural } from '../../parts/format.ts'
import { Loaded } from '../../parts/states.tsx'

/** What there is, at a glance. */
export function HomePage(): ReactNode {
  const projects = useApi('project', 'list', { limit: 10 })
  return (
    <>
      <PageHeader title="Home" />
      <Panel title="Projects" actions={<Link to="/projects">All</Link>}>
        <Loaded query={projects} lines={4}>
          {({ items }) => (
            <ul>
              {items.map(({ id, name, jobs }) => (
                <li key={id}>
                  {name} <span className="muted">{plural(jobs.total, 'job')}</span>
                </li>
              ))}
            </ul>
          )}
        </Loaded>
      </Panel>
    </>
  )
}
