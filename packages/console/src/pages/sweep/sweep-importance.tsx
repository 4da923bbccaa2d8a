import type { SearchSpace } from '@nabla/api/search-space'
import type { Trial } from '@nabla/api/sweep'
import { importanceTable, type Objective } from '@nabla/api/sweep-views'
import { type ReactNode, useMemo, useRef } from 'react'
import { plural } from '../../parts/format.ts'
import { ImportanceTable } from '../../parts/importance-table.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { fewestRows, useImportances } from '../../parts/use-importances.ts'

export interface SweepImportances {
  names: readonly string[]
  found: ReturnType<typeof useImportances>['found']
  done: number
  rows: number
}

/** With so many more trials, by share, it is learned again. */
const growth = 1.1

/** Which parameters an objective depends on. It is learned again when there are a tenth more trials than the last time. */
export function useSweepImportances(
  trials: readonly Trial[],
  space: SearchSpace,
  objective: Objective,
): SweepImportances {
  const count = trials.filter(({ objectives }) => objectives !== null).length
  const learned = useRef(0)
  const metric = useRef(objective.metric)
  const isNew = metric.current !== objective.metric || count < learned.current || count > learned.current * growth
  if (isNew) {
    learned.current = count
    metric.current = objective.metric
  }
  const given = useMemo(() => importanceTable(trials, space, objective), [learned.current, objective.metric])
  return { names: given.names, ...useImportances(given.table), rows: given.table.target.length }
}

export function SweepImportance({ importances }: { importances: SweepImportances }): ReactNode {
  const { names, found, done, rows } = importances
  const nothing =
    rows < fewestRows
      ? `It takes ${fewestRows} trials with a value to tell; there are ${rows}.`
      : names.length === 0 && 'The parameters of all trials are the same.'
  if (nothing)
    return (
      <Panel title="Importance">
        <EmptyState title={nothing} />
      </Panel>
    )
  return (
    <div className="stack">
      <ImportanceTable names={names} found={found} />
      <p className="muted" aria-live="polite">
        {found === undefined
          ? `Looking: ${Math.round(done * 100)} %`
          : `By how much a random forest is worse without the parameter, over ${plural(rows, 'trial')}.`}
      </p>
    </div>
  )
}

/** Names of parameters, the most important first; those that are not known to matter behind them. */
export function rankedNames({ names, found }: SweepImportances, space: SearchSpace): string[] {
  const share = (name: string) => found?.[names.indexOf(name)]?.share ?? 0
  return Object.keys(space).sort((one, other) => share(other) - share(one))
}
