import type { Job } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job-states'
import { type ReactNode, useMemo } from 'react'
import { client } from '../../api/client.ts'
import { FileBrowser, type FileSource } from '../../parts/file-browser.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState } from '../../parts/states.tsx'

/** What a job left in its artifacts folder, or the files that it began with. */
export function JobFiles({ job, which }: { job: Job; which: 'artifact' | 'workspace' }): ReactNode {
  const source = useMemo(() => (which === 'artifact' ? artifactsOf(job.id) : workspaceOf(job.id)), [job.id, which])
  if (which === 'workspace' && job.workspace === null) {
    return <EmptyState title="It began without files." command="run --workspace . -- COMMAND" />
  }
  const { ended } = jobStates[job.state]
  const empty =
    which === 'artifact' ? (
      <EmptyState
        title={`${ended ? 'It left no artifacts' : 'No artifacts yet'}. What it writes to ${job.spec.artifactsDir} is kept.`}
      />
    ) : (
      <EmptyState title="There are no files in it." />
    )
  return <FileBrowser source={source} empty={empty} />
}

const firstBytes = (bytes: number) => ({ range: `bytes=0-${bytes - 1}` })

const address = (job: string, place: string, query: Record<string, string>): string =>
  `/api/v1/jobs/${encodeURIComponent(job)}/${place}?${new URLSearchParams(query).toString()}`

const archiveOf = (job: string, place: string) => (path: string) =>
  address(job, `${place}/archive`, { format: 'zip', ...(path !== '' && { path }) })

/** What a job left, as files to look through. */
export function artifactsOf(job: string): FileSource {
  return {
    noun: 'artifact',
    key: ['artifact', job],
    list: (page, options) => client.artifact.list({ job, ...page }, options),
    read: (path, bytes, signal) => client.artifact.get({ job, path }, { signal, headers: firstBytes(bytes) }),
    fileUrl: (path) => address(job, 'artifacts/file', { path }),
    archiveUrl: archiveOf(job, 'artifacts'),
    view: (path) => client.artifact.open({ job, body: { path } }),
    command: (path) => (path === '' ? `job artifacts download ${job}` : `job artifacts get ${job} ${quote(path)}`),
  }
}

/** The files that a job began with. They are not shown at another origin, so pages among them are shown as text. */
export function workspaceOf(job: string): FileSource {
  return {
    noun: 'workspace',
    key: ['workspace', job],
    list: (page, options) => client.workspace.list({ job, ...page }, options),
    read: (path, bytes, signal) => client.workspace.get({ job, path }, { signal, headers: firstBytes(bytes) }),
    fileUrl: (path) => address(job, 'workspace/file', { path }),
    archiveUrl: archiveOf(job, 'workspace'),
  }
}
