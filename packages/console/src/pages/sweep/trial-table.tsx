import type { Trial } from '@nabla/api/sweep'
import { trialStates } from '@nabla/api/trial-states'
import { costOf, type Objective, valueOf } from '@nabla/api/sweep-views'
import { type ReactNode, useMemo } from 'react'
import type { LiveList } from '../../api/list.ts'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { formatNumber } from '../../parts/chart.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { FilterBar } from '../../parts/filter-bar.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { trialShapes, valueText } from './trial-words.ts'

/** Columns of parameters that are shown by themselves; the others when they are chosen. */
const usualParameters = 6

/** Stands where a trial has no value. */
const dash = <span className="faint none">–</span>

/** Every trial: in the order in which they were asked for, or by what one chooses. */
export function TrialTable(props: {
  trials: readonly Trial[]
  isLoading: boolean
  objectives: readonly Objective[]
  parameters: readonly string[]
}): ReactNode {
  const { trials, isLoading, objectives, parameters } = props
  const [state] = useUrlState('state')
  const [order, setOrder] = useUrlState('order')
  const words = parameters.filter((name) => trials.some(({ values }) => typeof values[name] === 'string'))
  const columns = useMemo(
    () => columnsOf(objectives, parameters, words),
    [JSON.stringify(objectives), JSON.stringify(parameters), JSON.stringify(words)],
  )
  const rows = useMemo(() => {
    const kept = state === '' ? [...trials] : trials.filter((trial) => trial.state === state)
    return sorted(kept, order, objectives)
  }, [trials, state, order, objectives])
  const by = order.replace(/^-/, '')
  return (
    <DataTable
      id="trial"
      label="Trials"
      list={asList(rows, isLoading)}
      columns={columns}
      rowKey={({ number }) => String(number)}
      rowLabel={({ number }) => `Trial ${number}`}
      href={({ number }) => `?tab=trials&trial=${number}`}
      sort={{
        by,
        descending: order.startsWith('-'),
        onChange: (next) => setOrder(next === by && !order.startsWith('-') ? `-${next}` : next),
      }}
      toolbar={(chooser) => (
        <FilterBar
          filters={[
            {
              key: 'state',
              label: 'State',
              options: Object.entries(trialStates).map(([value, { label }]) => ({ value, label })),
            },
          ]}
        >
          {chooser}
        </FilterBar>
      )}
      empty={<EmptyState title={state === '' ? 'No trial has begun yet.' : 'No trial is like that.'} />}
    />
  )
}

/** `words`: parameters whose values are no numbers. */
function columnsOf(
  objectives: readonly Objective[],
  parameters: readonly string[],
  words: readonly string[],
): Column<Trial>[] {
  return [
    {
      id: 'number',
      title: 'Trial',
      width: '76px',
      sort: 'number',
      card: 'title',
      cell: ({ number }) => `Trial ${number}`,
    },
    {
      id: 'state',
      title: 'State',
      width: '104px',
      card: 'fact',
      cell: ({ state, reason }) => (
        <span title={reason ?? undefined}>
          <StateBadge state={state} shape={trialShapes[state]} label={trialStates[state].label} />
        </span>
      ),
    },
    ...objectives.map((objective, at): Column<Trial> => ({
      id: `objective ${objective.metric}`,
      title: objective.metric,
      width: 'minmax(88px, 1fr)',
      align: 'right',
      sort: `objective ${objective.metric}`,
      ...(at < 2 && { card: 'fact' }),
      cell: (trial) => {
        const value = valueOf(trial, objective)
        if (value === undefined) return dash
        return (
          <>
            <span className="only-phone">{objective.metric} </span>
            {formatNumber(value)}
          </>
        )
      },
    })),
    ...parameters.map((name, at): Column<Trial> => ({
      id: `parameter ${name}`,
      title: name,
      width: 'minmax(80px, 1fr)',
      ...(!words.includes(name) && { align: 'right' }),
      sort: `parameter ${name}`,
      hidden: at >= usualParameters,
      cell: ({ values }) => (Object.hasOwn(values, name) ? valueText(values[name]) : dash),
    })),
    { id: 'step', title: 'Step', width: '52px', align: 'right', sort: 'step', cell: ({ step }) => step },
    { id: 'asked', title: 'Started', width: '84px', cell: ({ askedAt }) => <RelativeTime time={askedAt} /> },
    {
      id: 'took',
      title: 'Took',
      width: '72px',
      align: 'right',
      cell: ({ askedAt, endedAt }) => <Duration from={askedAt} to={endedAt} />,
    },
    {
      id: 'reason',
      title: 'Reason',
      width: 'minmax(100px, 1.6fr)',
      cell: ({ reason }) => <span title={reason ?? undefined}>{reason}</span>,
    },
    { id: 'job', title: 'Job', width: '180px', hidden: true, cell: ({ job }) => <span className="mono">{job}</span> },
  ]
}

/** Numbers before words, and what has no value last. */
function sorted(trials: Trial[], order: string, objectives: readonly Objective[]): Trial[] {
  const descending = order.startsWith('-')
  const [kind, ...rest] = order.replace(/^-/, '').split(' ')
  const name = rest.join(' ')
  const objective = objectives.find(({ metric }) => metric === name)
  const keyOf = (trial: Trial): number | string | undefined => {
    if (kind === 'step') return trial.step
    if (kind === 'objective' && objective) {
      const value = valueOf(trial, objective)
      // The best comes first.
      return value === undefined ? undefined : costOf(objective, value)
    }
    if (kind === 'parameter') {
      const value = trial.values[name]
      return value === undefined ? undefined : typeof value === 'number' ? value : String(value)
    }
    return trial.number
  }
  const keys = new Map(trials.map((trial) => [trial, keyOf(trial)]))
  return trials.sort((one, other) => {
    const [a, b] = [keys.get(one), keys.get(other)]
    if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
    const found = typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1
    return (descending ? -found : found) || one.number - other.number
  })
}

const nothing = () => undefined

/** All rows are here: nothing is read as one scrolls. */
const asList = (rows: Trial[], isLoading: boolean): LiveList<Trial> => ({
  rows,
  isLoading,
  isStale: false,
  error: null,
  hasMore: false,
  isLoadingMore: false,
  loadMore: nothing,
  retry: nothing,
  newRows: 0,
  showNew: nothing,
})
