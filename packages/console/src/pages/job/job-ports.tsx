import { Button } from '@mantine/core'
import type { Job } from '@nabla/api/job'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useAction } from '../../parts/action.ts'
import { CommandLine, CopyId } from '../../parts/copy.tsx'
import { openTab } from '../../parts/open-tab.ts'
import { Panel } from '../../parts/page-header.tsx'
import './job-ports.css'

/** The ports of a job: the address of each, and a button that opens it in a tab of its own. */
export function JobPorts({ job }: { job: Job }): ReactNode {
  const { data } = useApi('job', 'ports', { job: job.id })
  const open = useAction({
    run: (port: number) => openTab(() => client.job.openPort({ job: job.id, port, body: {} })),
  })
  if (job.spec.ports.length === 0) return null
  return (
    <Panel title="Ports">
      <ul className="job-ports" aria-label="Ports">
        {(data?.items ?? []).map(({ port, address }) => (
          <li key={port}>
            <span className="number">{port}</span>
            {address === null ? (
              <CommandLine line={`job forward ${job.id} ${port}`} />
            ) : (
              <>
                <CopyId value={address} />
                <Button
                  size="compact-sm"
                  variant="default"
                  disabled={job.state !== 'running'}
                  aria-label={`Open port ${port}`}
                  title={`nabla job open ${job.id} ${port}`}
                  onClick={() => void open.run(port)}
                >
                  Open
                </Button>
              </>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  )
}
