import type { Run } from '@nabla/api/run'
import { runStates } from '@nabla/api/run-states'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react'
import { useLiveEvents } from '../../api/live.ts'
import { useApi } from '../../api/query.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { EmptyState, Lines, Loaded } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { runActions } from './run-actions.ts'
import { RunStateBadge } from './run-columns.tsx'
import { childrenFilter } from './run-fields.ts'
import { RunNote } from './run-note.tsx'
import { RunRecord } from './run-record.tsx'
import { DeleteRuns } from './run-table.tsx'
import { toCharted } from './run-views.tsx'
import './run.css'

const RunChildren = lazy(() => import('./run-children.tsx').then(({ RunChildren }) => ({ default: RunChildren })))
const RunCharts = lazy(() => import('./run-charts.tsx').then(({ RunCharts }) => ({ default: RunCharts })))
const RunMedia = lazy(() => import('./run-media.tsx').then(({ RunMedia }) => ({ default: RunMedia })))
const RunFiles = lazy(() => import('./run-files.tsx').then(({ RunFiles }) => ({ default: RunFiles })))

const route = getRouteApi('/shell/runs/$run')

/** One run: what its program tracked. */
export function RunPage(): ReactNode {
  const { run: reference } = route.useParams()
  const query = useApi('run', 'show', { run: reference })
  const run = query.data
  const [leaving, setLeaving] = useState(false)
  const [isGone, setGone] = useState(false)
  const navigate = useNavigate()
  useLiveEvents(({ type, subject }) => {
    if (type === 'run.deleted' && subject === run?.id) setGone(true)
  })
  const actions = run
    ? runActions(run, { go: (to) => void navigate({ to: to as never }), remove: () => setLeaving(true) })
    : []
  usePaletteActions(run?.name ?? reference, actions)
  return (
    <>
      <PageHeader
        title={run?.name ?? reference}
        crumbs={run ? crumbsOf(run) : plainCrumbs}
        badge={
          run && (
            <span role="status">
              <RunStateBadge state={run.state} />
            </span>
          )
        }
        actions={run && <ActionsMenu actions={actions} label="More actions" />}
      >
        {run && <RunFacts run={run} />}
      </PageHeader>
      {isGone ? (
        <EmptyState title="This run was deleted, with all that it tracked." command="runs list" />
      ) : (
        <Loaded query={query}>{(run) => <RunBody run={run} />}</Loaded>
      )}
      {leaving && run && (
        <DeleteRuns runs={[run]} onClose={() => setLeaving(false)} onDeleted={() => void navigate({ to: '/runs' })} />
      )}
    </>
  )
}

const plainCrumbs = [{ label: 'Runs', to: '/runs' }]

const crumbsOf = ({ project, experiment }: Run) => [
  { label: 'Projects', to: '/projects' },
  { label: project.name, to: `/projects/${encodeURIComponent(project.name)}?tab=runs` },
  ...(experiment ? [{ label: experiment.name, to: `/experiments/${experiment.id}` }] : []),
]

function RunFacts({ run }: { run: Run }): ReactNode {
  const { startedAt, endedAt, job, createdBy, source, parentRunId, tags } = run
  return (
    <>
      <span>
        {endedAt === null ? (
          <>
            running for <Duration from={startedAt} to={null} />
          </>
        ) : (
          <>
            took <Duration from={startedAt} to={endedAt} />, ended <RelativeTime time={endedAt} />
          </>
        )}
      </span>
      {job && (
        <span>
          in job{' '}
          <Link to={`/jobs/${job.id}` as never} dir="auto">
            {job.name}
          </Link>
        </span>
      )}
      <span>
        by <span dir="auto">{createdBy.name}</span>, through {source}
      </span>
      {parentRunId !== null && (
        <span>
          part of <Link to={`/runs/${parentRunId}` as never}>{parentRunId}</Link>
        </span>
      )}
      {tags.length > 0 && <span dir="auto">{tags.join(', ')}</span>}
      <CopyId value={run.id} />
    </>
  )
}

const waiting = (
  <div className="panel panel-body">
    <Lines count={8} />
  </div>
)

function RunBody({ run }: { run: Run }): ReactNode {
  const { ended } = runStates[run.state]
  const children = useApi('run', 'list', { filter: childrenFilter(run.id), limit: 1, columns: '' })
  const hasChildren = (children.data?.items.length ?? 0) > 0
  const metrics = useMemo(() => Object.keys(run.metrics).sort(), [run.metrics])
  const charted = useMemo(() => [toCharted(run)], [run.id, run.name, run.startedAt, run.state])
  return (
    <Tabs
      label="Run"
      tabs={[
        {
          id: 'charts',
          label: 'Charts',
          count: metrics.length,
          content: () => (
            <Suspense fallback={waiting}>
              <RunCharts
                runs={charted}
                metrics={metrics}
                empty={<EmptyState title={ended ? 'It logged no metrics.' : 'It has logged no metrics yet.'} />}
              />
            </Suspense>
          ),
        },
        {
          id: 'record',
          label: 'Parameters',
          count: Object.keys(run.params).length,
          content: () => <RunRecord run={run} />,
        },
        { id: 'note', label: 'Note', content: () => <RunNote run={run} /> },
        ...(hasChildren
          ? [
              {
                id: 'children',
                label: 'Child runs',
                content: () => (
                  <Suspense fallback={waiting}>
                    <RunChildren run={run.id} />
                  </Suspense>
                ),
              },
            ]
          : []),
        {
          id: 'media',
          label: 'Images and tables',
          content: () => (
            <Suspense fallback={waiting}>
              <RunMedia run={run} ended={ended} />
            </Suspense>
          ),
        },
        {
          id: 'artifacts',
          label: 'Artifacts',
          content: () => (
            <Suspense fallback={waiting}>
              <RunFiles run={run} />
            </Suspense>
          ),
        },
      ]}
    />
  )
}
