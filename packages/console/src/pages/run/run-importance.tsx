import { numberOf, type Run } from '@nabla/api/run'
import { type ReactNode, useEffect, useMemo, useState } from 'react'
import { now } from '../../clock.ts'
import { plural } from '../../parts/format.ts'
import { EmptyState } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { FieldSelect, useFieldOptions } from './field-select.tsx'
import type { Table } from './importance/forest.ts'
import { type Importance, importances, toCells } from './importance/importance.ts'
import { differingParams, readField } from './run-fields.ts'
import type { RunNames } from './run-source.ts'

/** With fewer runs a forest knows nothing. */
const fewestRuns = 8
/** Parameters that are looked at: those that differ, the first by name. */
const mostParams = 60

/** Which parameters a metric depends on: how much a random forest needs each of them, and which way they go together. */
export function RunImportance({ runs, names }: { runs: readonly Run[]; names: RunNames }): ReactNode {
  const options = useFieldOptions(names)
  const [target, setTarget] = useUrlState('target', `metrics.${names.metrics[0] ?? ''}`)
  const given = useMemo(() => tableOf(runs, target), [runs, target])
  const { found, done } = useImportances(given.table)
  const rows = given.params
    .map((name, place) => ({ name, ...(found?.[place] ?? { share: 0, correlation: null }) }))
    .sort((one, other) => other.share - one.share)
  return (
    <div className="stack">
      <div className="run-selects">
        <FieldSelect label="Of which metric" options={options.slice(0, 1)} value={target} onChange={setTarget} />
      </div>
      {given.params.length === 0 ? (
        <EmptyState title="The parameters of these runs are all the same." />
      ) : given.table.target.length < fewestRuns ? (
        <EmptyState
          title={`It takes ${fewestRuns} runs with this metric to tell; there are ${given.table.target.length}.`}
        />
      ) : (
        <div className="panel run-importance" aria-busy={found === undefined}>
          <table>
            <thead>
              <tr>
                <th scope="col">Parameter</th>
                <th scope="col">Importance</th>
                <th scope="col" className="table-right">
                  Correlation
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ name, share, correlation }) => (
                <tr key={name}>
                  <th scope="row" dir="auto">
                    {name}
                  </th>
                  <td>
                    <span className="run-share">
                      <span className="run-share-bar" aria-hidden="true">
                        <span style={{ width: `${share * 100}%` }} />
                      </span>
                      <span className="number">{Math.round(share * 100)} %</span>
                    </span>
                  </td>
                  <td className="table-right number">
                    {correlation === null ? <span className="faint">–</span> : correlation.toFixed(2)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p className="muted run-note" aria-live="polite">
        {given.params.length === 0 || given.table.target.length < fewestRuns
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

/** Time of one turn: the page stays quick in between. */
const turnMs = 12

function useImportances(table: Table): { found: Importance[] | undefined; done: number } {
  const [state, setState] = useState<{ found: Importance[] | undefined; done: number }>({ found: undefined, done: 0 })
  useEffect(() => {
    setState({ found: undefined, done: 0 })
    if (table.target.length < fewestRuns) return
    const work = importances(table)
    let timer: ReturnType<typeof setTimeout> | undefined
    const turn = () => {
      const end = now() + turnMs
      for (;;) {
        const next = work.next()
        if (next.done) return setState({ found: next.value, done: 1 })
        if (now() < end) continue
        setState({ found: undefined, done: next.value })
        timer = setTimeout(turn, 0)
        return
      }
    }
    timer = setTimeout(turn, 0)
    return () => clearTimeout(timer)
  }, [table])
  return state
}
