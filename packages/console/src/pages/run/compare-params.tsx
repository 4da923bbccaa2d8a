import { Switch } from '@mantine/core'
import type { Run } from '@nabla/api/run'
import { runStates } from '@nabla/api/run-states'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { formatNumber } from '../../parts/chart.tsx'
import { formatDuration, formatTime } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { labelsOf } from './run-fields.ts'
import '@mantine/core/styles/Switch.css'
import '../job/compare.css'

interface Row {
  name: string
  values: (string | undefined)[]
}

/** Parameters, last metrics and labels of runs side by side; only those that differ, unless asked for all. */
export function CompareParams({ runs }: { runs: readonly Run[] }): ReactNode {
  const [all, setAll] = useUrlState('all')
  const given = { runs, onlyDifferent: all === '' }
  return (
    <div className="stack">
      <Switch
        label="Only differences"
        checked={all === ''}
        onChange={(event) => setAll(event.currentTarget.checked ? '' : 'yes')}
      />
      <Rows title="Parameters" rows={rowsOf(runs, ({ params }) => params)} {...given} />
      <Rows title="Metrics, as they were last" rows={rowsOf(runs, lastMetrics)} {...given} />
      <Rows title="Labels" rows={rowsOf(runs, labelsOf)} {...given} />
      <Rows title="How they went" rows={rowsOf(runs, outcome)} {...given} />
    </div>
  )
}

const lastMetrics = ({ metrics }: Run): Record<string, string> =>
  Object.fromEntries(
    Object.entries(metrics).map(([name, { value }]) => [name, typeof value === 'number' ? formatNumber(value) : value]),
  )

const outcome = ({ state, startedAt, endedAt, job, experiment }: Run): Record<string, string> => ({
  State: runStates[state].label,
  Started: formatTime(startedAt),
  ...(endedAt !== null && { Took: formatDuration(Date.parse(endedAt) - Date.parse(startedAt)) }),
  ...(job && { Job: job.name }),
  ...(experiment && { Experiment: experiment.name }),
})

function rowsOf(runs: readonly Run[], pairs: (run: Run) => Readonly<Record<string, string>>): Row[] {
  const each = runs.map(pairs)
  const names = [...new Set(each.flatMap((one) => Object.keys(one)))]
  return names.map((name) => ({ name, values: each.map((one) => one[name]) }))
}

const differs = ({ values }: Row): boolean => values.some((value) => value !== values[0])
/** Rows that are drawn: more are not read by anybody. */
const mostRows = 500

function Rows(props: { title: string; runs: readonly Run[]; rows: readonly Row[]; onlyDifferent: boolean }): ReactNode {
  const { title, runs, rows, onlyDifferent } = props
  const shown = (onlyDifferent ? rows.filter(differs) : rows).slice(0, mostRows)
  return (
    <Panel title={title} flush>
      {shown.length === 0 ? (
        <p className="muted panel-body">{rows.length === 0 ? 'None of them has any.' : 'The same.'}</p>
      ) : (
        <div className="compare-box" tabIndex={0} role="region" aria-label={`${title}: table`}>
          <table className="compare" style={{ '--columns': runs.length + 1 } as React.CSSProperties}>
            <thead>
              <tr>
                <td />
                {runs.map(({ id, name }) => (
                  <th key={id} scope="col">
                    <Link to={`/runs/${id}` as never} dir="auto">
                      {name}
                    </Link>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((row) => (
                <tr key={row.name} className={differs(row) ? 'compare-differs' : undefined}>
                  <th scope="row" dir="auto">
                    {row.name}
                  </th>
                  {row.values.map((value, place) => (
                    <td key={place} dir="auto">
                      {value ?? <span className="faint">–</span>}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}
