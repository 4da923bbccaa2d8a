import type { Job } from '@nabla/api/job'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { plural } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'

/** What was installed for a job; nothing where it made no environment. */
export function JobPackages({ job }: { job: Job }): ReactNode {
  const { data } = useApi('job', 'packages', { job: job.id })
  const [python, ...packages] = data?.items ?? []
  if (!python) return null
  return (
    <Panel title={`Python ${python.version}, ${plural(packages.length, 'package')}`}>
      <div className="stack">
        <ul className="job-packages">
          {packages.map(({ name, version }) => (
            <li key={name}>
              {name} <span className="muted">{version}</span>
            </li>
          ))}
        </ul>
        <CommandLine line={`job packages ${quote(job.name)}`} label="As a requirements file" />
      </div>
    </Panel>
  )
}
