import type { Session } from '@nabla/api/session'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useShortList } from '../../api/short-list.ts'
import { useAction } from '../../parts/action.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { browserName } from '@nabla/api/browser-name'

const columns: readonly Column<Session>[] = [
  {
    id: 'agent',
    title: 'Browser',
    width: 'minmax(140px, 2fr)',
    cell: ({ agent, current }) => (
      <span title={agent}>
        {browserName(agent)} {current && <span className="faint">this one</span>}
      </span>
    ),
  },
  { id: 'address', title: 'From', width: 'minmax(100px, 1fr)', card: 'fact', cell: ({ address }) => address },
  {
    id: 'key',
    title: 'With',
    width: 'minmax(90px, 1fr)',
    card: 'fact',
    cell: ({ key }) => (key === null ? 'a password' : `key “${key.name}”`),
  },
  { id: 'team', title: 'Team', width: 'minmax(70px, 1fr)', cell: ({ team }) => team.name },
  { id: 'used', title: 'Used', width: '80px', card: 'fact', cell: (row) => <RelativeTime time={row.lastUsedAt} /> },
  { id: 'ends', title: 'Ends', width: '80px', cell: (row) => <RelativeTime time={row.expiresAt} /> },
  { id: 'id', title: 'Id', width: '190px', hidden: true, cell: ({ id }) => <CopyId value={id} /> },
]

/** The browsers in which one is signed in; any of them can be signed out from here. */
export function SessionList(): ReactNode {
  const list = useShortList<Session>({
    noun: 'session',
    verb: 'list',
    fetch: (page, options) => client.session.list(page, options),
  })
  const [ending, setEnding] = useState<Session>()
  return (
    <section aria-label="Sessions" className="stack">
      <h2>Sessions</h2>
      <DataTable
        id="session"
        label="Sessions"
        list={list}
        columns={columns}
        rowKey={({ id }) => id}
        rowLabel={({ agent, id }) => `${browserName(agent)} ${id.slice(-4)}`}
        actions={(session) => [
          {
            label: 'Sign out',
            icon: 'exit',
            danger: true,
            unavailable: session.current ? 'It is this one: sign out at the top right.' : undefined,
            command: `session end ${session.id}`,
            run: () => setEnding(session),
          },
        ]}
        empty={<EmptyState title="You are signed in nowhere." command="open" />}
      />
      {ending && <EndSession session={ending} onClose={() => setEnding(undefined)} />}
    </section>
  )
}

function EndSession({ session, onClose }: { session: Session; onClose: () => void }): ReactNode {
  const name = browserName(session.agent)
  const action = useAction({
    run: () => client.session.end({ session: session.id }),
    done: () => `${name} is signed out`,
    changes: ['session'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={name}
      name={name}
      verb="Sign out"
      takes={[]}
      note={`The browser at ${session.address} will have to sign in again.`}
      action={action}
      command={`session end ${session.id}`}
      onClose={onClose}
    />
  )
}
