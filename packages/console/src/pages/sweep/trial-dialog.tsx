import type { Sweep, Trial } from '@nabla/api/sweep'
import { trialStates } from '@nabla/api/trial-states'
import { amountText, valueOf } from '@nabla/api/sweep-views'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { CommandLine, CopyText } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Facts } from '../../parts/page-header.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { trialShapes } from './trial-words.ts'

/** One trial: its values, what came out of it, why it ended, and where it ran. */
export function TrialDialog(props: {
  sweep: Sweep
  trial: Trial | undefined
  number: number
  onClose: () => void
  onOpen: (trial: number) => void
}): ReactNode {
  const { sweep, trial, number, onClose, onOpen } = props
  return (
    <Dialog title={`Trial ${number}`} onClose={onClose} size={560}>
      {trial ? (
        <TrialFacts sweep={sweep} trial={trial} onOpen={onOpen} />
      ) : (
        <EmptyState title="There is no such trial here." command={`sweep trials ${sweep.id}`} />
      )}
    </Dialog>
  )
}

function TrialFacts({
  sweep,
  trial,
  onOpen,
}: {
  sweep: Sweep
  trial: Trial
  onOpen: (trial: number) => void
}): ReactNode {
  const { state, reason, step, askedAt, endedAt, from, job, values, cost } = trial
  const isBest = sweep.best.some(({ number }) => number === trial.number)
  const facts: [string, ReactNode][] = [
    [
      'State',
      <span key="state">
        <StateBadge state={state} shape={trialShapes[state]} label={trialStates[state].label} />
        {isBest && <strong> · best</strong>}
      </span>,
    ],
    ...(reason === null ? [] : [['Reason', reason] as [string, ReactNode]]),
    ...sweep.search.objectives.map((objective): [string, ReactNode] => [
      objective.metric,
      <span key="value" className="number">
        {valueOf(trial, objective) ?? '–'}
      </span>,
    ]),
    ...(step > 0 ? [['Step', String(step)] as [string, ReactNode]] : []),
    ['Began', <RelativeTime key="began" time={askedAt} />],
    [endedAt === null ? 'Running for' : 'Took', <Duration key="took" from={askedAt} to={endedAt} />],
    ...(cost === null ? [] : [['Cost', amountText(cost)] as [string, ReactNode]]),
    ...(from === null
      ? []
      : [
          [
            'Carries on from',
            <button key="from" type="button" className="sweep-number" onClick={() => onOpen(from)}>
              Trial {from}
            </button>,
          ] as [string, ReactNode],
        ]),
    ['Ran as', job === null ? 'a program elsewhere' : <JobLinks key="job" job={job} />],
  ]
  return (
    <div className="stack">
      <Facts facts={facts} />
      <h3 className="sweep-heading">Values</h3>
      <Facts
        facts={Object.entries(values).map(([name, value]) => [
          name,
          <span key={name} className="number">
            {String(value)}
          </span>,
        ])}
      />
      <CopyText value={JSON.stringify(values)} label="Values as JSON" />
      <CommandLine line={`sweep trials ${sweep.id} --json`} />
    </div>
  )
}

function JobLinks({ job }: { job: string }): ReactNode {
  const { data } = useApi('run', 'list', { job, limit: 1, columns: '' })
  const { data: found } = useApi('job', 'show', { job })
  const [run] = data?.items ?? []
  return (
    <span className="row">
      <Link to={`/jobs/${job}` as never}>{found?.name ?? job}</Link>
      {run && <Link to={`/runs/${run.id}` as never}>its run</Link>}
    </span>
  )
}
