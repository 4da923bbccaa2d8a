import type { Job } from '@nabla/api/job'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { Panel } from '../../parts/page-header.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { type CompareRow, differs } from './compare-rows.ts'
import './compare.css'

/** A table with a column for each job; rows that differ are marked. */
export function Rows(props: {
  title: string
  jobs: readonly Job[]
  rows: readonly CompareRow[]
  onlyDifferent: boolean
}): ReactNode {
  const { title, jobs, rows, onlyDifferent } = props
  const shown = onlyDifferent ? rows.filter(differs) : rows
  return (
    <Panel title={title} flush>
      {shown.length === 0 ? (
        <p className="muted panel-body">{rows.length === 0 ? 'None of them has any.' : 'The same.'}</p>
      ) : (
        <div className="compare-box" tabIndex={0} role="region" aria-label={`${title}: table`}>
          <table className="compare" style={{ '--columns': jobs.length + 1 } as React.CSSProperties}>
            <thead>
              <tr>
                <td />
                {jobs.map((job) => (
                  <th key={job.id} scope="col">
                    <StateBadge state={job.state} bare />{' '}
                    <Link to={`/jobs/${job.id}` as never} dir="auto">
                      {job.name}
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
                      {value ?? <span className="faint none">–</span>}
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
