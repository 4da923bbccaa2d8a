import { Button } from '@mantine/core'
import type { JobState, JobSummary } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job-states'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useRef, useState } from 'react'
import { useList } from '../../api/list.ts'
import { useApi } from '../../api/query.ts'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { FilterBar } from '../../parts/filter-bar.tsx'
import { formatCount } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { quote } from '../../parts/quote.ts'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { Tags } from '../../parts/tags.tsx'
import { useSetUrlSearch, useUrlSearch } from '../../parts/url-state.ts'
import { type AskedOfJobs, bulkJobActions, jobActions } from './job-actions.ts'
import { JobDialog } from './job-dialog.tsx'
import { type JobFilter, jobSource, readFilter } from './job-source.ts'
import './job-list.css'

const columns: readonly Column<JobSummary>[] = [
  { id: 'name', title: 'Name', width: 'minmax(140px, 2fr)', cell: ({ name }) => name },
  { id: 'state', title: 'State', width: '116px', card: 'fact', cell: (job) => <JobStateBadge job={job} /> },
  {
    id: 'project',
    title: 'Project',
    width: 'minmax(80px, 1fr)',
    cell: ({ project }) => (
      <span dir="auto" title={project.name}>
        {project.name}
      </span>
    ),
  },
  {
    id: 'command',
    title: 'Command',
    width: 'minmax(100px, 3fr)',
    cell: ({ command }) => (
      <span className="mono job-command" title={command}>
        {command}
      </span>
    ),
  },
  { id: 'machine', title: 'Machine', width: 'minmax(56px, 0.6fr)', cell: ({ machineType }) => machineType },
  {
    id: 'started',
    title: 'Started',
    width: '84px',
    card: 'fact',
    cell: ({ startedAt }) => startedAt !== null && <RelativeTime time={startedAt} />,
  },
  {
    id: 'duration',
    title: 'Duration',
    width: '84px',
    align: 'right',
    card: 'fact',
    cell: ({ startedAt, endedAt }) => startedAt !== null && <Duration from={startedAt} to={endedAt} />,
  },
  {
    id: 'by',
    title: 'By',
    width: 'minmax(60px, 0.7fr)',
    cell: ({ createdBy }) => (
      <span dir="auto" title={createdBy.name}>
        {createdBy.name}
      </span>
    ),
  },
  { id: 'tags', title: 'Tags', width: 'minmax(60px, 0.8fr)', cell: ({ tags }) => <Tags tags={tags} /> },
  {
    id: 'created',
    title: 'Created',
    width: '84px',
    hidden: true,
    cell: ({ createdAt }) => <RelativeTime time={createdAt} />,
  },
  { id: 'id', title: 'Id', width: '190px', hidden: true, cell: ({ id }) => <CopyId value={id} /> },
]

/**
 * The jobs of the team, newest first; or those of one project, without a column and a filter for it. Filters stand in
 * the address: `?state=failed&state=error&tag=keep&name=train`.
 */
export function JobList({ project: fixed }: { project?: string }): ReactNode {
  const search = useUrlSearch()
  const filter = readFilter(search, fixed)
  const navigate = useNavigate()
  const [asked, setAsked] = useState<AskedOfJobs>()
  const given = { go: (address: string) => navigate({ to: address as never }), ask: setAsked }
  const { states, ...others } = filter
  const list = useList(jobSource(filter))
  return (
    <>
      <States chosen={states} filter={others} />
      <DataTable
        id="job"
        label="Jobs"
        list={list}
        columns={fixed === undefined ? columns : columns.filter(({ id }) => id !== 'project')}
        rowKey={({ id }) => id}
        rowLabel={({ name }) => name}
        href={({ id }) => `/jobs/${id}`}
        actions={(job) => jobActions(job, given)}
        bulkActions={(jobs) => bulkJobActions(jobs, given)}
        toolbar={(chooser) => (
          <FilterBar
            searchKey="name"
            placeholder={
              fixed === undefined ? 'Name begins with, project:, tag:, state:' : 'Name begins with, tag:, state:'
            }
            filters={[
              ...(fixed === undefined ? [{ key: 'project', label: 'Project' }] : []),
              { key: 'tag', label: 'Tag' },
              { key: 'state', label: 'State', elsewhere: true },
            ]}
          >
            {chooser}
          </FilterBar>
        )}
        empty={<NoJobs filter={filter} fixed={fixed} />}
      />
      <JobDialog asked={asked} onClose={() => setAsked(undefined)} />
    </>
  )
}

/** Shown with no job in them too, so that little moves. */
const usual: readonly JobState[] = ['pending', 'running', 'succeeded', 'failed']

/** How many jobs there are in each state; each is a filter, and several can be on. */
function States({ chosen, filter }: { chosen: readonly JobState[]; filter: Omit<JobFilter, 'states'> }): ReactNode {
  const setSearch = useSetUrlSearch()
  const { data } = useApi('job', 'counts', filter)
  const known = useRef(data)
  known.current = data ?? known.current
  const counts = known.current
  const states = Object.keys(jobStates) as JobState[]
  const shown = states.filter((state) => usual.includes(state) || chosen.includes(state) || counts?.byState[state])
  const toggle = (state: JobState) =>
    setSearch({ state: chosen.includes(state) ? chosen.filter((one) => one !== state) : [...chosen, state] })
  return (
    // Before they are counted nobody knows which there are, nor how wide they will be.
    <div className={`job-states ${counts ? '' : 'job-states-unknown'}`} role="group" aria-label="Jobs by state">
      <button
        type="button"
        className="job-state"
        aria-pressed={chosen.length === 0}
        onClick={() => setSearch({ state: undefined })}
      >
        All <Count jobs={counts?.total} />
      </button>
      {shown.map((state) => (
        <button
          key={state}
          type="button"
          className="job-state"
          aria-pressed={chosen.includes(state)}
          onClick={() => toggle(state)}
          title={jobStates[state].about}
        >
          <StateBadge state={state} label={jobStates[state].label} />
          <Count jobs={counts && (counts.byState[state] ?? 0)} />
        </button>
      ))}
    </div>
  )
}

function Count({ jobs }: { jobs: number | undefined }): ReactNode {
  return <span className="number">{jobs === undefined ? '…' : formatCount(jobs)}</span>
}

/** Its state, with the exit code of one that failed; the reason is on hover. */
export function JobStateBadge({ job }: { job: Pick<JobSummary, 'state' | 'exitCode' | 'reason' | 'stopRequestedAt'> }) {
  const stopping = !jobStates[job.state].ended && job.stopRequestedAt !== null
  const code = job.state === 'failed' && job.exitCode !== null ? ` (${job.exitCode})` : ''
  const label = stopping ? 'Stopping' : `${jobStates[job.state].label}${code}`
  return (
    <span title={job.reason ?? undefined}>
      <StateBadge state={job.state} label={label} />
    </span>
  )
}

function NoJobs({ filter, fixed }: { filter: JobFilter; fixed: string | undefined }): ReactNode {
  const setSearch = useSetUrlSearch()
  const { states, project, tag, name } = filter
  const isFiltered = states.length > 0 || tag !== undefined || name !== undefined || project !== fixed
  if (!isFiltered) {
    const where = fixed === undefined ? '' : ` --project ${quote(fixed)}`
    return (
      <EmptyState
        title="No jobs yet."
        command={`run${where} -- echo hello`}
        action={<NewJobButton project={fixed} />}
      />
    )
  }
  const flags = [
    ...states.map((state) => `--state ${state}`),
    ...Object.entries({ project, tag, name }).flatMap(([key, value]) => (value ? [`--${key} ${quote(value)}`] : [])),
  ]
  return (
    <EmptyState
      title="No job is like that."
      command={`job list ${flags.join(' ')}`}
      action={
        <Button onClick={() => setSearch({ state: undefined, project: undefined, tag: undefined, name: undefined })}>
          Show all jobs
        </Button>
      }
    />
  )
}

/** Leads to the form that makes a job. */
export function NewJobButton({ project }: { project?: string | undefined }): ReactNode {
  const navigate = useNavigate()
  const address = project === undefined ? '/jobs/new' : `/jobs/new?project=${encodeURIComponent(project)}`
  return (
    <Button
      variant="filled"
      leftSection={<Icon name="plus" size={14} />}
      onClick={() => void navigate({ to: address as never })}
    >
      New job
    </Button>
  )
}
