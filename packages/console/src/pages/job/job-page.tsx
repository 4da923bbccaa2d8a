import { Button } from '@mantine/core'
import type { Job } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job-states'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { useLiveEvents } from '../../api/live.ts'
import { useApi } from '../../api/query.ts'
import type { Action } from '../../parts/action.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { CommandLine, CopyId } from '../../parts/copy.tsx'
import { Icon } from '../../parts/icon.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { soon } from '../../parts/soon.ts'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState, Lines, Loaded } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { TagLinks } from '../../parts/tags.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { type AskedOfJobs, compareAddress, jobActions } from './job-actions.ts'
import { JobDialog } from './job-dialog.tsx'
import { JobEvents } from './job-page-events.tsx'
import { PhaseBar } from './job-page-phases.tsx'
import './job-page.css'

const LogView = lazy(soon(() => import('./log-view.tsx').then(({ LogView }) => ({ default: LogView }))))
const JobMetrics = lazy(() => import('./job-page-metrics.tsx').then(({ JobMetrics }) => ({ default: JobMetrics })))
const JobTerminal = lazy(() => import('./job-terminal.tsx').then(({ JobTerminal }) => ({ default: JobTerminal })))
const JobSettings = lazy(() => import('./job-page-settings.tsx').then(({ JobSettings }) => ({ default: JobSettings })))
const JobFiles = lazy(() => import('./job-page-files.tsx').then(({ JobFiles }) => ({ default: JobFiles })))

const route = getRouteApi('/shell/jobs/$job')
const plainCrumbs = [{ label: 'Jobs', to: '/jobs' }]

/** One job: what it is, is it well, since when, what one can do; its log, measurements and files. */
export function JobPage(): ReactNode {
  const { job: reference } = route.useParams()
  const query = useApi('job', 'show', { job: reference })
  const job = query.data
  const [asked, setAsked] = useState<AskedOfJobs>()
  const isGone = useIsDeleted(job?.id)
  const navigate = useNavigate()
  const actions = job && !isGone ? actionsOf(job, setAsked, (to) => void navigate({ to: to as never })) : []
  usePaletteActions(job?.name ?? reference, actions)
  const [stop, clone, ...more] = actions
  return (
    <>
      <PageHeader
        title={job?.name ?? reference}
        crumbs={job ? crumbsOf(job) : plainCrumbs}
        badge={job && <JobState job={job} />}
        actions={
          stop &&
          clone && (
            <>
              {stop.unavailable === undefined && <ActionButton action={stop} />}
              <ActionButton action={clone} label="Clone" />
              <ActionsMenu
                actions={[...(stop.unavailable === undefined ? [] : [stop]), ...more]}
                label="More actions"
              />
            </>
          )
        }
      >
        {job && <JobFacts job={job} />}
      </PageHeader>
      {isGone ? (
        <EmptyState title="This job was deleted, with its log and artifacts." command="job list" />
      ) : (
        <Loaded query={query}>{(job) => <JobBody key={job.id} job={job} />}</Loaded>
      )}
      <JobDialog
        asked={asked}
        onClose={() => setAsked(undefined)}
        onDone={() => (asked?.ask === 'delete' ? void navigate({ to: '/jobs' }) : undefined)}
      />
    </>
  )
}

const crumbsOf = ({ project: { name } }: Job) => [
  { label: 'Projects', to: '/projects' },
  { label: name, to: `/projects/${encodeURIComponent(name)}` },
]

/** Whether somebody, here or elsewhere, has deleted it meanwhile. */
function useIsDeleted(id: string | undefined): boolean {
  const [gone, setGone] = useState<string>()
  useLiveEvents(({ type, subject }) => {
    if (type === 'job.deleted' && subject === id) setGone(subject)
  })
  return id !== undefined && gone === id
}

function actionsOf(job: Job, ask: (asked: AskedOfJobs) => void, go: (to: string) => void): Action[] {
  const { parentJobId } = job
  return [
    ...jobActions(job, { go, ask }),
    ...(parentJobId === null
      ? []
      : [
          {
            label: 'Compare with the job it is a clone of',
            icon: 'columns' as const,
            command: `runs compare ${parentJobId} ${job.id}`,
            run: () => go(compareAddress([parentJobId, job.id])),
          },
        ]),
  ]
}

function ActionButton({ action, label = action.label }: { action: Action; label?: string }): ReactNode {
  return (
    <Button
      leftSection={action.icon && <Icon name={action.icon} size={14} />}
      onClick={() => action.run()}
      title={action.command && `nabla ${action.command}`}
    >
      {label}
    </Button>
  )
}

function JobState({ job }: { job: Job }): ReactNode {
  const { state, exitCode, stopRequestedAt } = job
  const { ended, label } = jobStates[state]
  const text =
    !ended && stopRequestedAt !== null ? 'Stopping' : state === 'failed' ? `${label}, exit code ${exitCode}` : label
  return (
    <span role="status">
      <StateBadge state={state} label={text} />
    </span>
  )
}

function JobFacts({ job }: { job: Job }): ReactNode {
  const { startedAt, endedAt, firstOutputAt, spec, attempt, createdBy } = job
  return (
    <>
      <span>
        {startedAt === null ? (
          <>
            submitted <RelativeTime time={job.createdAt} />
          </>
        ) : endedAt === null ? (
          <>
            running for <Duration from={startedAt} to={null} />
          </>
        ) : (
          <>
            took <Duration from={startedAt} to={endedAt} />, ended <RelativeTime time={endedAt} />
          </>
        )}
      </span>
      {startedAt !== null && firstOutputAt !== null && (
        <span>
          first output after <Duration from={startedAt} to={firstOutputAt} />
        </span>
      )}
      <span className="job-machine">
        {job.machineType} · {spec.image}
      </span>
      <span>
        by <span dir="auto">{createdBy.name}</span>
      </span>
      {attempt > 1 && (
        <span>
          attempt {attempt} of {spec.retries + 1}
        </span>
      )}
      {job.parentJobId !== null && (
        <span>
          clone of <Link to={`/jobs/${job.parentJobId}` as never}>{job.parentJobId}</Link>
        </span>
      )}
      {job.workflow !== null && (
        <span>
          part of{' '}
          <Link
            to={`/workflows/${job.workflow.id}/runs/${job.workflow.run}?job=${job.workflow.job}` as never}
            dir="auto"
          >
            {job.workflow.name}, run {job.workflow.run}
          </Link>
        </span>
      )}
      <TagLinks tags={job.tags} to="/jobs" />
      <CopyId value={job.id} />
    </>
  )
}

const waiting = (
  <div className="panel panel-body">
    <Lines count={8} />
  </div>
)

function JobBody({ job }: { job: Job }): ReactNode {
  const files = (which: 'artifact' | 'workspace') => (
    <Suspense fallback={waiting}>
      <JobFiles key={which} job={job} which={which} />
    </Suspense>
  )
  return (
    <>
      <PhaseBar job={job} />
      <pre className="job-command mono" tabIndex={0} aria-label="Command">
        {job.spec.command}
      </pre>
      <Tabs
        label="Job"
        tabs={[
          {
            id: 'logs',
            label: 'Logs',
            content: () => (
              <Suspense fallback={waiting}>
                <LogView job={job} />
              </Suspense>
            ),
          },
          {
            id: 'metrics',
            label: 'Metrics',
            content: () => (
              <Suspense fallback={waiting}>
                <JobMetrics job={job} />
              </Suspense>
            ),
          },
          {
            id: 'terminal',
            label: 'Terminal',
            content: () => (
              <Suspense fallback={waiting}>
                <JobTerminal key={job.id} job={job} />
              </Suspense>
            ),
          },
          { id: 'artifacts', label: 'Artifacts', content: () => files('artifact') },
          { id: 'workspace', label: 'Workspace', content: () => files('workspace') },
          {
            id: 'settings',
            label: 'Settings',
            content: () => (
              <Suspense fallback={waiting}>
                <JobSettings job={job} />
              </Suspense>
            ),
          },
          { id: 'events', label: 'Events', content: () => <JobEvents job={job} /> },
        ]}
      />
      <div className="job-line">
        <CommandLine line={`job show ${job.id}`} />
      </div>
    </>
  )
}
