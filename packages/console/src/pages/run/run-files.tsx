import type { Run } from '@nabla/api/run'
import { type ReactNode, useMemo } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { FileBrowser, type FileSource } from '../../parts/file-browser.tsx'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { artifactsOf, JobFiles } from '../job/job-page-files.tsx'

/** What the job of a run left in its artifacts folder; of a run elsewhere, the files that it logged. */
export function RunFiles({ run }: { run: Run }): ReactNode {
  return run.job ? <FilesOfJob job={run.job.id} /> : <OwnFiles id={run.id} />
}

function FilesOfJob({ job }: { job: string }): ReactNode {
  const query = useApi('job', 'show', { job })
  return <Loaded query={query}>{(job) => <JobFiles job={job} which="artifact" />}</Loaded>
}

function OwnFiles({ id }: { id: string }): ReactNode {
  const source = useMemo(() => runFilesOf(id), [id])
  return (
    <FileBrowser
      source={source}
      empty={
        <EmptyState title="It has logged no files.">
          Such as <code>mlflow.log_artifact("model.pt")</code>.
        </EmptyState>
      }
    />
  )
}

/** Where the files of a run are: with those of its job, or by themselves. */
export const filesOf = ({ id, job }: Run): FileSource => (job ? artifactsOf(job.id) : runFilesOf(id))

/** The files that a run logged itself. */
function runFilesOf(run: string): FileSource {
  const address = (place: string, query: Record<string, string>): string =>
    `/api/v1/runs/${encodeURIComponent(run)}/files/${place}?${new URLSearchParams(query).toString()}`
  return {
    noun: 'run',
    key: ['run-files', run],
    list: (page, options) => client.run.files({ run, ...page }, options),
    read: (path, bytes, signal) =>
      client.run.getFile({ run, path }, { signal, headers: { range: `bytes=0-${bytes - 1}` } }),
    fileUrl: (path) => address('file', { path }),
    archiveUrl: (path) => address('archive', { format: 'zip', ...(path !== '' && { path }) }),
    view: (path) => client.run.openFile({ run, body: { path } }),
  }
}
