import type { Deployment, DeploymentInstance } from '@nabla/api/deployment'
import { instanceStates } from '@nabla/api/deployment-states'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { CommandLine } from '../../parts/copy.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { InstanceStateBadge } from './deployment-state.tsx'

/** Every instance: how it is, since when, and how much it has to do. */
export function Instances({ deployment }: { deployment: Deployment }): ReactNode {
  const query = useApi('deployment', 'instances', { deployment: deployment.id })
  return (
    <Loaded query={query}>
      {({ items }) =>
        items.length === 0 ? (
          <EmptyState title="It has no instances now." command={`deployment start ${quote(deployment.name)}`} />
        ) : (
          <div className="stack">
            <InstanceTable items={items} />
            <CommandLine line={`deployment show ${quote(deployment.name)}`} />
          </div>
        )
      }
    </Loaded>
  )
}

function InstanceTable({ items }: { items: readonly DeploymentInstance[] }): ReactNode {
  return (
    <div className="panel deployment-table" tabIndex={0} role="region" aria-label="Instances">
      <table>
        <thead>
          <tr>
            <th scope="col">Instance</th>
            <th scope="col">State</th>
            <th scope="col" className="table-right">
              Revision
            </th>
            <th scope="col" className="table-right">
              Under way
            </th>
            <th scope="col" className="table-right">
              Restarts
            </th>
            <th scope="col">Machine</th>
            <th scope="col">Began</th>
            <th scope="col" className="table-right">
              Until ready
            </th>
            <th scope="col">Reason</th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <tr key={one.id} className={instanceStates[one.state].ended ? 'faint' : undefined}>
              <th scope="row">
                <Link to="." search={{ tab: 'logs', instance: one.name } as never} resetScroll={false} dir="auto">
                  {one.name}
                </Link>
              </th>
              <td>
                <InstanceStateBadge state={one.state} reason={one.reason} />
              </td>
              <td className="table-right number">{one.revision}</td>
              <td className="table-right number">{one.outstanding}</td>
              <td className="table-right number">{one.restarts}</td>
              <td>{one.machineType}</td>
              <td>
                <RelativeTime time={one.startedAt ?? one.createdAt} />
              </td>
              <td className="table-right">
                {one.readyAt === null ? (
                  <span className="faint none">–</span>
                ) : (
                  <Duration from={one.createdAt} to={one.readyAt} />
                )}
              </td>
              <td className="deployment-why">{one.reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
