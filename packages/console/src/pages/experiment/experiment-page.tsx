import { Button } from '@mantine/core'
import type { Experiment } from '@nabla/api/experiment'
import { experimentStates } from '@nabla/api/experiment-states'
import { getRouteApi, Link, Navigate, useNavigate } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react'
import { useLiveEvents } from '../../api/live.ts'
import { useApi } from '../../api/query.ts'
import type { Action } from '../../parts/action.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { MarkdownView } from '../../parts/markdown-view.tsx'
import { PageHeader, Panel } from '../../parts/page-header.tsx'
import { EmptyState, Lines, Loaded } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { TagLinks } from '../../parts/tags.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { NoRuns } from '../run/no-runs.tsx'
import { type AskedOfExperiment, experimentActions } from './experiment-actions.ts'
import { ExperimentDialog, useExperimentStart } from './experiment-dialogs.tsx'
import { kindOf } from './experiment-list.tsx'
import { ExperimentNodes } from './experiment-nodes.tsx'
import { ExperimentStateBadge } from './experiment-state.tsx'
import './experiment.css'

const ExperimentRecord = lazy(() =>
  import('./experiment-record.tsx').then(({ ExperimentRecord }) => ({ default: ExperimentRecord })),
)
const RunViews = lazy(() => import('../run/run-views.tsx').then(({ RunViews }) => ({ default: RunViews })))
const ExperimentLog = lazy(() =>
  import('./experiment-log.tsx').then(({ ExperimentLog }) => ({ default: ExperimentLog })),
)

const route = getRouteApi('/shell/experiments/$experiment')
const plainCrumbs = [{ label: 'Experiments', to: '/experiments' }]

/** One experiment: its nodes, what they say, what they track, and the record of what was asked for. */
export function ExperimentPage(): ReactNode {
  const { experiment: reference } = route.useParams()
  const query = useApi('experiment', 'show', { experiment: reference })
  const experiment = query.data
  const [asked, setAsked] = useState<AskedOfExperiment>()
  const isGone = useLiveExperiment(experiment, () => void query.refetch())
  const navigate = useNavigate()
  const go = (to: string) => void navigate({ to: to as never })
  const starting = useExperimentStart(go)
  const actions = experiment && !isGone ? experimentActions(experiment, { go, ask: setAsked, ...starting }) : []
  usePaletteActions(experiment?.name ?? reference, actions)
  if (experiment?.kind === 'sweep') return <Navigate to={`/sweeps/${experiment.id}` as never} replace />
  return (
    <>
      <PageHeader
        title={experiment?.name ?? reference}
        crumbs={experiment ? crumbsOf(experiment) : plainCrumbs}
        badge={
          experiment && (
            <span role="status">
              <ExperimentStateBadge experiment={experiment} />
            </span>
          )
        }
        actions={actions.length > 0 && <HeadActions actions={actions} />}
      >
        {experiment && <ExperimentFacts experiment={experiment} />}
      </PageHeader>
      {isGone ? (
        <EmptyState title="This experiment was deleted, with its jobs." command="experiment list" />
      ) : (
        <Loaded query={query}>{(found) => <ExperimentBody key={found.id} experiment={found} />}</Loaded>
      )}
      <ExperimentDialog asked={asked} onClose={() => setAsked(undefined)} onDeleted={() => go('/experiments')} />
    </>
  )
}

const crumbsOf = ({ project: { name } }: Experiment) => [
  { label: 'Projects', to: '/projects' },
  { label: name, to: `/projects/${encodeURIComponent(name)}?tab=experiments` },
]

/** Reads it again when one of its jobs has changed; tells whether somebody has deleted it. */
function useLiveExperiment(experiment: Experiment | undefined, readAgain: () => void): boolean {
  const [gone, setGone] = useState<string>()
  const jobs = useMemo(() => new Set(experiment?.jobs.map(({ id }) => id)), [experiment?.jobs])
  useLiveEvents(({ type, subject }) => {
    if (type === 'experiment.deleted' && subject === experiment?.id) setGone(subject)
    else if (type.startsWith('job.') && jobs.has(subject)) readAgain()
  })
  return experiment !== undefined && gone === experiment.id
}

/** What one most likely wants is a button; the rest is in the menu. */
function HeadActions({ actions }: { actions: readonly Action[] }): ReactNode {
  const shown = actions.filter(({ label, unavailable }) => unavailable === undefined && buttons.includes(label))
  return (
    <>
      {shown.map((action) => (
        <Button
          key={action.label}
          leftSection={action.icon && <Icon name={action.icon} size={14} />}
          onClick={() => action.run()}
          title={action.command && `nabla ${action.command}`}
          {...(action.label === 'Start' ? { variant: 'filled' } : {})}
        >
          {action.label === 'Clone with changes' ? 'Clone' : action.label}
        </Button>
      ))}
      <ActionsMenu actions={actions} label="More actions" />
    </>
  )
}

const buttons = ['Start', 'Stop', 'Run again', 'Clone with changes']

function ExperimentFacts({ experiment }: { experiment: Experiment }): ReactNode {
  const { startedAt, endedAt, createdAt, createdBy, nodes, kind, scheme, attempt, spec, parentExperimentId } =
    experiment
  return (
    <>
      <span>
        {startedAt === null ? (
          <>
            made <RelativeTime time={createdAt} />
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
      <span>
        {kindOf(kind, scheme)}
        {nodes > 1 && `, ${plural(nodes, 'node')}`}
      </span>
      <span>
        by <span dir="auto">{createdBy.name}</span>
      </span>
      {attempt > 1 && (
        <span>
          attempt {attempt} of {spec.retries + 1}
        </span>
      )}
      {parentExperimentId !== null && (
        <span>
          clone of <Link to={`/experiments/${parentExperimentId}` as never}>{parentExperimentId}</Link>
        </span>
      )}
      <TagLinks tags={experiment.tags} to="/experiments" />
      <CopyId value={experiment.id} />
    </>
  )
}

const waiting = (
  <div className="panel panel-body">
    <Lines count={8} />
  </div>
)

function ExperimentBody({ experiment }: { experiment: Experiment }): ReactNode {
  const { id, state, reason, jobs, note } = experiment
  const place = useMemo(() => ({ experiment: id }), [id])
  const { about, ended } = experimentStates[state]
  return (
    <>
      <p className={state === 'failed' || state === 'error' ? 'experiment-reason experiment-bad' : 'experiment-reason'}>
        {(state === 'failed' || state === 'error') && <Icon name="warning" />}
        <span>{reason ?? (ended ? '' : about)}</span>
      </p>
      <Tabs
        label="Experiment"
        tabs={[
          {
            id: 'nodes',
            label: jobs.length === 1 ? 'Job' : 'Nodes',
            ...(jobs.length > 1 && { count: jobs.length }),
            content: () => (
              <div className="stack">
                <ExperimentNodes experiment={experiment} />
                {note !== '' && (
                  <Panel title="Note">
                    <MarkdownView text={note} />
                  </Panel>
                )}
              </div>
            ),
          },
          {
            id: 'logs',
            label: 'Logs',
            content: () => (
              <Suspense fallback={waiting}>
                <ExperimentLog experiment={experiment} />
              </Suspense>
            ),
          },
          {
            id: 'runs',
            label: 'Runs and charts',
            content: () => (
              <Suspense fallback={waiting}>
                <RunViews place={place} usualView="charts" empty={<NoRuns />} />
              </Suspense>
            ),
          },
          {
            id: 'record',
            label: 'Record',
            content: () => (
              <Suspense fallback={waiting}>
                <ExperimentRecord experiment={experiment} />
              </Suspense>
            ),
          },
        ]}
      />
    </>
  )
}
