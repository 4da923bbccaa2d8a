import { SegmentedControl } from '@mantine/core'
import type { Sweep, Trial } from '@nabla/api/sweep'
import type { Objective } from '@nabla/api/sweep-views'
import { lazy, type ReactNode, Suspense, useMemo } from 'react'
import { useApi } from '../../api/query.ts'
import { formatNumber } from '../../parts/chart.tsx'
import { formatCount } from '../../parts/format.ts'
import { Facts, Panel } from '../../parts/page-header.tsx'
import { EmptyState, ErrorState, Lines, Loaded } from '../../parts/states.tsx'
import { type Tab, Tabs } from '../../parts/tabs.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import '../experiment/experiment.css'
import { SweepContour } from './sweep-contour.tsx'
import { SweepFront } from './sweep-front.tsx'
import { SweepHistory } from './sweep-history.tsx'
import { rankedNames, SweepImportance, type SweepImportances, useSweepImportances } from './sweep-importance.tsx'
import { SweepParallel } from './sweep-parallel.tsx'
import { SweepSlices } from './sweep-slices.tsx'
import { SweepTimeline } from './sweep-timeline.tsx'
import { TrialDialog } from './trial-dialog.tsx'
import { TrialTable } from './trial-table.tsx'
import { valueText } from './trial-words.ts'
import { mostTrials, useTrials } from './use-trials.ts'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'
import '../../parts/chart.css'

const ExperimentRecord = lazy(() =>
  import('../experiment/experiment-record.tsx').then(({ ExperimentRecord }) => ({ default: ExperimentRecord })),
)

/** The pictures and the table of a sweep; all are of the same trials, which are read once. */
export function SweepBody({ sweep }: { sweep: Sweep }): ReactNode {
  const { trials, isLoading, error } = useTrials(sweep)
  const { objectives, objective, choose } = useObjective(sweep)
  const [open, setOpen] = useUrlState('trial')
  const { space } = sweep.search
  const importances = useSweepImportances(trials, space, objective)
  const [tab] = useUrlState('tab')
  // What is learned while one looks at axes and columns does not move them: the next tab is in the new order.
  const names = useMemo(() => rankedNames(importances, space), [tab, objective.metric])
  if (error && trials.length === 0) return <ErrorState error={error} />
  if (isLoading) return <Lines count={8} />
  const onOpen = (trial: number) => setOpen(String(trial))
  const picture = { trials, objectives, onOpen }
  return (
    <>
      <Tabs label="Sweep" tabs={tabsOf({ sweep, picture, objective, choose, importances, names })} />
      {sweep.trials.asked > mostTrials && (
        <p className="muted">
          The pictures are of the newest {formatCount(mostTrials)} of {formatCount(sweep.trials.asked)} trials.
        </p>
      )}
      {open !== '' && (
        <TrialDialog
          sweep={sweep}
          number={Number(open)}
          trial={trials.find(({ number }) => String(number) === open)}
          onClose={() => setOpen('')}
          onOpen={onOpen}
        />
      )}
    </>
  )
}

/** The objective that pictures of one are of; it stands in the address. */
function useObjective(sweep: Sweep) {
  const text = JSON.stringify(sweep.search.objectives)
  // The same as long as nothing in it has changed: pictures are drawn anew when it has.
  const objectives = useMemo(() => sweep.search.objectives, [text])
  const [metric, choose] = useUrlState('objective', objectives[0]?.metric)
  const objective = objectives.find((one) => one.metric === metric) ?? objectives[0]!
  return { objectives, objective, choose }
}

interface Given {
  sweep: Sweep
  picture: { trials: readonly Trial[]; objectives: readonly Objective[]; onOpen: (trial: number) => void }
  objective: Objective
  choose: (metric: string) => void
  importances: SweepImportances
  /** Of the parameters, in the order in which they are shown. */
  names: readonly string[]
}

function tabsOf({ sweep, picture, objective, choose, importances, names }: Given): Tab[] {
  const { space, objectives } = sweep.search
  const ofOne = (content: ReactNode) => (
    <div className="stack">
      {objectives.length > 1 && (
        <SegmentedControl
          aria-label="Objective"
          value={objective.metric}
          onChange={choose}
          data={objectives.map(({ metric }) => metric)}
        />
      )}
      {content}
    </div>
  )
  const front: Tab = { id: 'front', label: 'Pareto front', content: () => <SweepFront {...picture} /> }
  return [
    {
      id: 'overview',
      label: 'Overview',
      content: () =>
        ofOne(
          <div className="sweep-overview">
            <SweepHistory {...picture} objective={objective} />
            <div className="stack">
              <BestTrial sweep={sweep} onOpen={picture.onOpen} />
              <SweepImportance importances={importances} />
            </div>
          </div>,
        ),
    },
    ...(objectives.length > 1 ? [front] : []),
    { id: 'parallel', label: 'Parallel', content: () => <SweepParallel {...picture} space={space} names={names} /> },
    {
      id: 'slices',
      label: 'Slices',
      content: () => ofOne(<SweepSlices {...picture} objective={objective} space={space} names={names} />),
    },
    {
      id: 'map',
      label: 'Map',
      content: () => ofOne(<SweepContour {...picture} objective={objective} space={space} names={names} />),
    },
    { id: 'timeline', label: 'Timeline', content: () => <SweepTimeline {...picture} /> },
    {
      id: 'trials',
      label: 'Trials',
      count: sweep.trials.asked,
      content: () => (
        <TrialTable trials={picture.trials} isLoading={false} objectives={picture.objectives} parameters={names} />
      ),
    },
    { id: 'record', label: 'Record', content: () => <Record sweep={sweep} /> },
  ]
}

function BestTrial({ sweep, onOpen }: { sweep: Sweep; onOpen: (trial: number) => void }): ReactNode {
  const [best] = sweep.best
  if (sweep.search.objectives.length > 1) return null
  return (
    <Panel
      title="Best trial"
      actions={
        best && (
          <button type="button" className="sweep-number" onClick={() => onOpen(best.number)}>
            Trial {best.number}
          </button>
        )
      }
    >
      {best ? (
        <Facts
          facts={[
            ...Object.entries(best.objectives ?? {}).map(([metric, value]): [string, ReactNode] => [
              metric,
              <strong key={metric} className="number">
                {formatNumber(value)}
              </strong>,
            ]),
            ...Object.entries(best.values).map(([name, value]): [string, ReactNode] => [
              name,
              <span key={name} className="number">
                {valueText(value)}
              </span>,
            ]),
          ]}
        />
      ) : (
        <EmptyState title="No trial is complete yet." />
      )}
    </Panel>
  )
}

function Record({ sweep }: { sweep: Sweep }): ReactNode {
  const query = useApi('experiment', 'show', { experiment: sweep.id })
  return (
    <Suspense fallback={<Lines count={8} />}>
      <Loaded query={query}>{(experiment) => <ExperimentRecord experiment={experiment} />}</Loaded>
    </Suspense>
  )
}
