import type { JobSummary } from '@nabla/api/job'
import type { Project } from '@nabla/api/project'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import { useApi } from '../../api/query.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { formatBytes } from '../../parts/format.ts'
import { Panel, SplitView } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState, Lines, Loaded } from '../../parts/states.tsx'
import { useSetUrlSearch, useUrlState } from '../../parts/url-state.ts'
import { JobFiles } from '../job/job-page-files.tsx'

/** What the jobs of a project left, job by job. */
export function ProjectArtifacts({ project }: { project: Project }): ReactNode {
  const held = useApi('project', 'delete', { project: project.id, dryRun: 'true' })
  const list = useList<JobSummary>({
    noun: 'job',
    input: { artifactsOf: project.id },
    fetch: (page, options) => client.job.list({ project: project.id, ...page }, options),
  })
  const [chosen] = useUrlState('job')
  const change = useSetUrlSearch({ push: true })
  const shown = chosen || list.rows[0]?.id
  if (list.isLoading) return <Lines count={6} />
  if (shown === undefined) {
    return (
      <EmptyState
        title="Nothing here yet. What a job writes to /artifacts is kept."
        command={`run --project ${quote(project.name)} -- python train.py`}
      />
    )
  }
  const total = held.data ? `Jobs, ${formatBytes(held.data.artifactBytes)} in all` : 'Jobs'
  return (
    <SplitView
      label="Jobs with artifacts"
      width={300}
      side={
        <Panel title={total} flush>
          <ul className="artifact-jobs">
            {list.rows.map(({ id, name, state, createdAt }) => (
              <li key={id}>
                <button
                  type="button"
                  aria-pressed={id === shown}
                  onClick={() => change({ job: id, path: undefined, file: undefined })}
                >
                  <StateBadge state={state} bare />
                  <span className="ellipsis grow" dir="auto" title={name}>
                    {name}
                  </span>
                  <span className="muted">
                    <RelativeTime time={createdAt} />
                  </span>
                </button>
              </li>
            ))}
            {list.hasMore && (
              <li>
                <button type="button" onClick={list.loadMore}>
                  <span className="muted">{list.isLoadingMore ? 'Loading more…' : 'Earlier jobs'}</span>
                </button>
              </li>
            )}
          </ul>
        </Panel>
      }
    >
      <Artifacts key={shown} job={shown} />
    </SplitView>
  )
}

function Artifacts({ job }: { job: string }): ReactNode {
  const query = useApi('job', 'show', { job })
  return <Loaded query={query}>{(found) => <JobFiles job={found} which="artifact" />}</Loaded>
}
