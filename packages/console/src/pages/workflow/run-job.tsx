import type { WorkflowJob, WorkflowOutput, WorkflowRun } from '@nabla/api/workflow'
import { workflowJobStates } from '@nabla/api/workflow-states'
import { Link } from '@tanstack/react-router'
import { Fragment, lazy, type ReactNode, Suspense } from 'react'
import { useApi } from '../../api/query.ts'
import { Bytes, Duration } from '../../parts/amount.tsx'
import { plural } from '../../parts/format.ts'
import { Facts, Panel } from '../../parts/page-header.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState, Lines, Loaded } from '../../parts/states.tsx'
import { JobStateBadge } from './workflow-words.tsx'

const LogView = lazy(() => import('../job/log-view.tsx').then(({ LogView }) => ({ default: LogView })))

/** The job of a run that was chosen: what became of it, what it read and left, and its log. */
export function RunJob({ run, job }: { run: WorkflowRun; job: WorkflowJob }): ReactNode {
  return (
    <>
      <Panel
        title={job.name}
        actions={
          job.job && (
            <Link to={`/jobs/${job.job.id}` as never} className="workflow-job-link" dir="auto">
              {job.job.name}
            </Link>
          )
        }
      >
        <div className="workflow-job">
          <About job={job} />
          <Inputs run={run} job={job} />
          <Outputs outputs={job.outputs} />
        </div>
      </Panel>
      {job.job ? <JobLog id={job.job.id} /> : <NoLog job={job} />}
    </>
  )
}

function About({ job }: { job: WorkflowJob }): ReactNode {
  const { state, reason, needs, uses, startedAt, endedAt } = job
  const facts: [string, ReactNode][] = [
    [
      'State',
      <>
        <JobStateBadge state={state} reason={reason} />
        {reason !== null && <div className="muted workflow-value">{reason}</div>}
      </>,
    ],
    ['Action', <span className="mono">{uses}</span>],
    ['Waits for', needs.length === 0 ? 'nothing' : needs.join(', ')],
  ]
  if (startedAt !== null) facts.push(['Took', <Duration from={startedAt} to={endedAt} />])
  return <Facts facts={facts} />
}

function Inputs({ run, job }: { run: WorkflowRun; job: WorkflowJob }): ReactNode {
  const inputs = Object.entries(run.spec.jobs[job.name]?.inputs ?? {})
  if (inputs.length === 0) return null
  return (
    <Facts
      facts={inputs.map(([name, input]) => [
        `/inputs/${name}`,
        <span key={name} className="mono workflow-value">
          {typeof input === 'string' ? input : textOf(input)}
        </span>,
      ])}
    />
  )
}

function textOf(input: Exclude<NonNullable<WorkflowRun['spec']['jobs'][string]['inputs']>[string], string>): string {
  if (input.type === 'dataset') return input.with.ref ?? input.with.id ?? ''
  return input.type === 'string' ? String(input.with.value) : ''
}

function Outputs({ outputs }: { outputs: readonly WorkflowOutput[] }): ReactNode {
  if (outputs.length === 0) return null
  return (
    <Facts
      facts={outputs.map((output) => [
        `/outputs/${output.name}`,
        <Fragment key={output.name}>
          {output.state === 'ready' ? (
            <Left output={output} />
          ) : (
            <span className="workflow-value">
              <StateBadge
                state={output.state}
                shape={output.state === 'failed' ? 'failed' : 'running'}
                label={output.state === 'failed' ? 'Not kept' : 'Being put away'}
              />
              {output.reason !== null && <div className="muted">{output.reason}</div>}
            </span>
          )}
        </Fragment>,
      ])}
    />
  )
}

/** What there is now: a version, a text, or so many files. */
function Left({ output }: { output: WorkflowOutput }): ReactNode {
  const { type, value, reference, files, sizeBytes } = output
  const [name = '', version = ''] = (reference ?? '').split(':')
  const size = (
    <span className="muted">
      {plural(files, 'file')}, <Bytes bytes={sizeBytes} />
    </span>
  )
  if (type === 'string') {
    return (
      <span className="workflow-value">
        <span className="mono" dir="auto">
          {value}
        </span>{' '}
        {reference !== null && <Link to={`/models/${encodeURIComponent(name)}` as never}>{reference}</Link>}
      </span>
    )
  }
  if (reference === null) return <span>volume, {size}</span>
  const to =
    type === 'model'
      ? `/models/${encodeURIComponent(name)}`
      : `/data/datasets/${encodeURIComponent(name)}?version=${version}`
  return (
    <span>
      <Link to={to as never}>{reference}</Link> {size}
    </span>
  )
}

const waiting = (
  <div className="panel panel-body">
    <Lines count={6} />
  </div>
)

function JobLog({ id }: { id: string }): ReactNode {
  const query = useApi('job', 'show', { job: id })
  return (
    <Loaded query={query}>
      {(job) => (
        <Suspense fallback={waiting}>
          <LogView job={job} />
        </Suspense>
      )}
    </Loaded>
  )
}

function NoLog({ job }: { job: WorkflowJob }): ReactNode {
  const { state, uses } = job
  if (uses === 's3-download@v1' || uses === 'create-model@v1') {
    return <EmptyState title="The server does this itself: there is no log." />
  }
  return <EmptyState title={state === 'waiting' ? workflowJobStates.waiting.about : 'It has no job, and no log.'} />
}
