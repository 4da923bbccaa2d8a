import { TextInput } from '@mantine/core'
import type { Run } from '@nabla/api/run'
import { type ReactNode, useState } from 'react'
import { formatNumber } from '../../parts/chart.tsx'
import { formatCount } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { RelativeTime } from '../../parts/amount.tsx'
import { labelsOf } from './run-fields.ts'

/** Rows that are drawn; of more, one searches. */
const mostRows = 300

/** What a run was told, and what it says of itself: parameters, labels, the last of each metric. */
export function RunRecord({ run }: { run: Run }): ReactNode {
  const [find, setFind] = useState('')
  const has = (name: string) => name.toLowerCase().includes(find.toLowerCase())
  const params = Object.entries(run.params).filter(([name]) => has(name))
  const labels = Object.entries(labelsOf(run)).filter(([name]) => has(name))
  const metrics = Object.entries(run.metrics).filter(([name]) => has(name))
  return (
    <div className="stack">
      <TextInput
        type="search"
        className="run-find"
        aria-label="Find a name"
        placeholder="Find a name"
        leftSection={<Icon name="search" size={14} />}
        value={find}
        onChange={(event) => setFind(event.currentTarget.value)}
      />
      <div className="run-record">
        <Panel title="Parameters" flush>
          <Pairs pairs={params} none="It logged no parameters." label="Parameters" />
        </Panel>
        <Panel title="Labels" flush>
          <Pairs pairs={labels} none="It has no labels." label="Labels" />
        </Panel>
        <Panel title="Metrics" flush>
          <Metrics metrics={metrics} />
        </Panel>
      </div>
    </div>
  )
}

function Pairs(props: { pairs: readonly (readonly [string, string])[]; none: string; label: string }): ReactNode {
  const { pairs, none, label } = props
  if (pairs.length === 0) return <p className="muted panel-body">{none}</p>
  return (
    <div className="run-pairs" tabIndex={0} role="region" aria-label={`${label}: table`}>
      <table>
        <tbody>
          {pairs
            .toSorted(([one], [other]) => one.localeCompare(other, 'en', { numeric: true }))
            .slice(0, mostRows)
            .map(([name, value]) => (
              <tr key={name}>
                <th scope="row" dir="auto">
                  {name}
                </th>
                <td dir="auto" className="mono">
                  {value}
                </td>
              </tr>
            ))}
        </tbody>
      </table>
      <More count={pairs.length} />
    </div>
  )
}

function Metrics({ metrics }: { metrics: readonly (readonly [string, Run['metrics'][string]])[] }): ReactNode {
  if (metrics.length === 0) return <p className="muted panel-body">It logged no metrics.</p>
  const say = (value: number | string) => (typeof value === 'number' ? formatNumber(value) : value)
  return (
    <div className="run-pairs" tabIndex={0} role="region" aria-label="Metrics: table">
      <table>
        <thead>
          <tr>
            {['Name', 'Last', 'Least', 'Most', 'Step', 'Values', 'At'].map((title, place) => (
              <th key={title} scope="col" className={place === 0 ? undefined : 'table-right'}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {metrics
            .toSorted(([one], [other]) => one.localeCompare(other, 'en', { numeric: true }))
            .slice(0, mostRows)
            .map(([name, { value, min, max, step, count, at }]) => (
              <tr key={name}>
                <th scope="row" dir="auto">
                  {name}
                </th>
                <td className="table-right number" title={String(value)}>
                  {say(value)}
                </td>
                <td className="table-right number">{say(min)}</td>
                <td className="table-right number">{say(max)}</td>
                <td className="table-right number">{formatCount(step)}</td>
                <td className="table-right number">{formatCount(count)}</td>
                <td className="table-right">
                  <RelativeTime time={at} />
                </td>
              </tr>
            ))}
        </tbody>
      </table>
      <More count={metrics.length} />
    </div>
  )
}

function More({ count }: { count: number }): ReactNode {
  return count > mostRows && <p className="faint panel-body">{formatCount(count - mostRows)} more: search for them.</p>
}
