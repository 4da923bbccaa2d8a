import { Button } from '@mantine/core'
import type { Experiment } from '@nabla/api/experiment'
import { searchers } from '@nabla/api/searchers'
import type { Sweep } from '@nabla/api/sweep'
import { amountText } from '@nabla/api/sweep-views'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useRef, useState } from 'react'
import { client } from '../../api/client.ts'
import { useLiveEvents } from '../../api/live.ts'
import { useApi } from '../../api/query.ts'
import { type Action, useAction } from '../../parts/action.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState, Lines, Loaded } from '../../parts/states.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import type { AskedOfExperiment } from '../experiment/experiment-actions.ts'
import { ExperimentDialog, useExperimentStart } from '../experiment/experiment-dialogs.tsx'
import { ExperimentStateBadge } from '../experiment/experiment-state.tsx'
import { MoreTrials } from './more-trials.tsx'
import { sweepActions } from './sweep-actions.ts'
import { SweepProgress } from './sweep-progress.tsx'
import './sweep.css'

// It is fetched while the sweep is being read.
const body = import('./sweep-body.tsx')
const SweepBody = lazy(() => body.then(({ SweepBody }) => ({ default: SweepBody })))

const route = getRouteApi('/shell/sweeps/$sweep')
const plainCrumbs = [
  { label: 'Experiments', to: '/experiments' },
  { label: 'Sweeps', to: '/sweeps' },
]

/** One sweep: how far it is, what is best so far, what it depends on, and every trial. */
export function SweepPage(): ReactNode {
  const { sweep: reference } = route.useParams()
  const query = useApi('sweep', 'show', { sweep: reference })
  const { data: experiment } = useApi('experiment', 'show', { experiment: reference })
  const sweep = query.data
  const [asked, setAsked] = useState<AskedOfExperiment>()
  const [isAdding, setAdding] = useState(false)
  const isGone = useLiveSweep(sweep, () => void query.refetch())
  const navigate = useNavigate()
  const go = (to: string) => void navigate({ to: to as never })
  const starting = useExperimentStart((to) => go(to.replace('/experiments/', '/sweeps/')))
  const pausing = usePause(sweep)
  const given = { go, ask: setAsked, ...starting, pause: pausing.run, more: () => setAdding(true) }
  const actions = sweep && experiment && !isGone ? sweepActions(sweep, experiment, given) : []
  usePaletteActions(sweep?.name ?? reference, actions)
  return (
    <>
      <PageHeader
        title={sweep?.name ?? reference}
        crumbs={sweep ? crumbsOf(sweep) : plainCrumbs}
        badge={sweep && <SweepState sweep={sweep} />}
        actions={actions.length > 0 && <HeadActions actions={actions} />}
      >
        {sweep && <SweepFacts sweep={sweep} experiment={experiment} />}
      </PageHeader>
      {isGone ? (
        <EmptyState title="This sweep was deleted, with its jobs." command="sweep list" />
      ) : (
        <Loaded query={query}>
          {(found) => (
            <>
              {found.reason !== null && <p className="sweep-reason">{found.reason}</p>}
              <SweepProgress trials={found.trials} />
              <Suspense fallback={<Lines count={8} />}>
                <SweepBody key={found.id} sweep={found} />
              </Suspense>
              {isAdding && <MoreTrials sweep={found} onClose={() => setAdding(false)} />}
            </>
          )}
        </Loaded>
      )}
      <ExperimentDialog asked={asked} onClose={() => setAsked(undefined)} onDeleted={() => go('/sweeps')} />
    </>
  )
}

const crumbsOf = ({ project: { name } }: Sweep) => [
  { label: 'Projects', to: '/projects' },
  { label: name, to: `/projects/${encodeURIComponent(name)}?tab=experiments` },
]

function SweepState({ sweep: { state, paused, reason } }: { sweep: Sweep }): ReactNode {
  return (
    <span role="status">
      {paused && state === 'running' ? (
        <StateBadge state="paused" shape="stopped" label="Paused" />
      ) : (
        <ExperimentStateBadge experiment={{ state, reason, exitCode: null }} />
      )}
    </span>
  )
}

/** A job that begins may be a trial: the sweep is read again, once for a burst of them. */
const settleMs = 1000

/** Reads it again when one of its jobs may have begun; tells whether somebody has deleted it. */
function useLiveSweep(sweep: Sweep | undefined, readAgain: () => void): boolean {
  const [gone, setGone] = useState<string>()
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useLiveEvents(({ type, subject, projectId }) => {
    if (type === 'experiment.deleted' && subject === sweep?.id) return setGone(subject)
    const mayBeTrial = type === 'job.created' && sweep !== undefined && projectId === sweep.project.id
    if (!mayBeTrial || timer.current !== undefined) return
    timer.current = setTimeout(() => {
      timer.current = undefined
      readAgain()
    }, settleMs)
  })
  return sweep !== undefined && gone === sweep.id
}

function usePause(sweep: Sweep | undefined) {
  const id = sweep?.id ?? ''
  return useAction({
    run: (paused: boolean) => client.sweep.update({ sweep: id, body: { paused } }),
    done: ({ name }, paused) => ({
      message: paused ? `${name} begins no further trials` : `${name} goes on`,
      undo: () => client.sweep.update({ sweep: id, body: { paused: !paused } }),
    }),
    changes: ['sweep'],
  })
}

const buttons = ['Start', 'Pause', 'Resume', 'Add trials', 'Stop', 'Search on from here', 'Clone with changes']
const mostButtons = 3

/** What one most likely wants is a button; the rest is in the menu. */
function HeadActions({ actions }: { actions: readonly Action[] }): ReactNode {
  const shown = actions.filter(({ label, unavailable }) => unavailable === undefined && buttons.includes(label))
  return (
    <>
      {shown.slice(0, mostButtons).map((action) => (
        <Button
          key={action.label}
          leftSection={action.icon && <Icon name={action.icon} size={14} />}
          onClick={() => action.run()}
          title={action.command && `nabla ${action.command}`}
          {...(action.label === 'Start' ? { variant: 'filled' } : {})}
        >
          {action.label.replace(' with changes', '').replace(' from here', '')}
        </Button>
      ))}
      <ActionsMenu actions={actions} label="More actions" />
    </>
  )
}

function SweepFacts({ sweep, experiment }: { sweep: Sweep; experiment: Experiment | undefined }): ReactNode {
  const { startedAt, endedAt, search, parallel, cost } = sweep
  return (
    <>
      {startedAt !== null && (
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
      )}
      <span>{search.objectives.map(({ metric, direction }) => `${direction} ${metric}`).join(', ')}</span>
      <span>
        {searchers[search.searcher].label}
        {search.stopRule && `, ${search.stopRule.type.toUpperCase()}`}
      </span>
      <span>{plural(Object.keys(search.space).length, 'parameter')}</span>
      <span>{parallel} at a time</span>
      {cost !== null && (
        <span title={`${amountText(cost.perHour)} an hour of a trial`}>
          {amountText(cost.spent)}
          {search.costLimit !== null && ` of ${amountText(search.costLimit)}`} spent
        </span>
      )}
      {experiment && (
        <span>
          by <span dir="auto">{experiment.createdBy.name}</span>
        </span>
      )}
      <CopyId value={sweep.id} />
    </>
  )
}
