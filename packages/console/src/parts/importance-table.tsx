import type { Importance } from '@nabla/api/importance'
import type { ReactNode } from 'react'
import './importance-table.css'

/** Which parameters matter, the most important first. Shares are empty while they are not known. */
export function ImportanceTable(props: {
  names: readonly string[]
  /** By the place of the name. */
  found: readonly Importance[] | undefined
}): ReactNode {
  const { names, found } = props
  const rows = names
    .map((name, place) => ({ name, ...(found?.[place] ?? { share: 0, correlation: null }) }))
    .sort((one, other) => other.share - one.share)
  return (
    <div className="panel importance" aria-busy={found === undefined}>
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
          {rows.map(({ name, share, correlation }, place) => (
            // By its place: lines that are in another order once it is known would move.
            <tr key={place}>
              <th scope="row" dir="auto">
                {name}
              </th>
              <td>
                <span className="importance-share">
                  <span className="importance-bar" aria-hidden="true">
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
  )
}
