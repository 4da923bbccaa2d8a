import type { Table } from '@nabla/api/forest'
import { toCells } from '@nabla/api/importance'
import type { Run } from '@nabla/api/run'
import { numberOf } from '@nabla/api/run-states'
import { type ReactNode, useMemo } from 'react'
import { plural } from '../../parts/format.ts'
import { ImportanceTable } from '../../parts/importance-table.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { fewestRows, useImportances } from '../../parts/use-importances.ts'
import { FieldSelect, useFieldOptions } from './field-select.tsx'
import { differingParams, readField } from './run-fields.ts'
import type { RunNames } from './run-source.ts'

/** Parameters that are looked at: those that differ, the first by name. */
const mostParams = 60

/** Which parameters a metric depends on: how much a random forest needs each of them, and which way they go together. */
export function RunImportance({ runs, names }: { runs: readonly Run[]; names: RunNames }): ReactNode {
  const options = useFieldOptions(names)
  const [target, setTarget] = useUrlState('target', `metrics.${names.metrics[0] ?? ''}`)
  const given = useMemo(() => tableOf(runs, target), [runs, target])
  const { found, done } = useImportances(given.table)
  return (
    <div className="stack">
      <div className="run-selects">
        <FieldSelect label="Of which metric" options={options.slice(0, 1)} value={target} onChange={setTarget} />
      </div>
      {given.params.length === 0 ? (
        <EmptyState title="The parameters of these runs are all the same." />
      ) : given.table.target.length < fewestRows ? (
        <EmptyState
          title={`It takes ${fewestRows} runs with this metric to tell; there are ${given.table.target.length}.`}
        />
      ) : (
        <ImportanceTable names={given.params} found={found} />
      )}
      <p className="muted run-note" aria-live="polite">
        {given.params.length === 0 || given.table.target.length < fewestRows
          ? ''
          : found === undefined
            ? `Looking: ${Math.round(done * 100)} %`
            : `By how much a random forest is worse without the parameter, over ${plural(given.table.target.length, 'run')}. The correlation tells whether more of it goes with more of the metric, or less.`}
      </p>
    </div>
  )
}

function tableOf(runs: readonly Run[], target: string): { params: string[]; table: Table } {
  const field = readField(target)
  const valued = runs.flatMap((run) => {
    const metric = field && run.metrics[field.name]
    const value = metric && numberOf(metric.value)
    return value !== undefined && Number.isFinite(value) ? [{ run, value }] : []
  })
  const own = valued.map(({ run }) => run)
  const params = own.length === 0 ? [] : differingParams(own).slice(0, mostParams)
  const columns = params.map((name) => toCells(own.map((run) => run.params[name])))
  return { params, table: { columns, target: valued.map(({ value }) => value) } }
}
