import type { JobSummary } from '@nabla/api/job'
import type { MachineType } from '@nabla/api/machine-type'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { formatCount } from '../../parts/format.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { sizeOf } from '../machine-type/words.ts'

/** Jobs that are looked through for what runs on each type, and those of them that a card names. */
const mostJobs = 200
const mostNamed = 5

/** What a job can ask for: a card for each type, with how many more could start and what runs on it. */
export function MachineTypes(): ReactNode {
  const types = useApi('machine-type', 'list', {})
  const running = useApi('job', 'list', { state: 'running', limit: mostJobs })
  return (
    <Loaded query={{ ...types, data: running.isPending ? undefined : types.data }} lines={3}>
      {({ items }) =>
        items.length === 0 ? (
          <EmptyState title="This server has no machine types." command="doctor" />
        ) : (
          <section className="machine-types" aria-label="Machine types">
            {items.map((type) => (
              <TypeCard
                key={`${type.engine} ${type.name}`}
                type={type}
                jobs={running.data?.items.filter(({ machineType }) => machineType === type.name)}
              />
            ))}
          </section>
        )
      }
    </Loaded>
  )
}

function TypeCard({ type, jobs }: { type: MachineType; jobs: readonly JobSummary[] | undefined }): ReactNode {
  const { name, engine, isDefault, available } = type
  const rest = (jobs?.length ?? 0) - mostNamed
  return (
    <article className="panel machine-type" aria-label={name}>
      <header className="row">
        <h2 className="ellipsis">{name}</h2>
        {isDefault && <span className="faint">default</span>}
        <span className="grow" />
        <span className={available === 0 ? 'muted' : 'machine-free'}>
          {available === 0 ? 'none free' : `${formatCount(available)} free`}
        </span>
      </header>
      <p className="muted">
        {sizeOf(type)} · {engine}
      </p>
      {jobs?.length === 0 && <p className="faint">Nothing of your team runs on it.</p>}
      {jobs && jobs.length > 0 && (
        <ul className="machine-jobs">
          {jobs.slice(0, mostNamed).map((job) => (
            <li key={job.id}>
              <Link to={`/jobs/${job.id}` as never} className="ellipsis" title={job.name} dir="auto">
                {job.name}
              </Link>
              <span className="faint ellipsis" dir="auto">
                {job.project.name}
              </span>
            </li>
          ))}
          {rest > 0 && (
            <li>
              <Link to={'/jobs?state=running' as never}>and {formatCount(rest)} more</Link>
            </li>
          )}
        </ul>
      )}
    </article>
  )
}
