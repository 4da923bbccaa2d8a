import type { Key } from '@nabla/api/key'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useShortList } from '../../api/short-list.ts'
import { now } from '../../clock.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import { type Action, useAction } from '../../parts/action.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { quote } from '../../parts/quote.ts'
import { ShownOnce } from '../../parts/shown-once.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { SectionHead } from '../settings/section.tsx'
import { KeyForm } from './key-form.tsx'

type Open = { form: 'make' } | { form: 'revoke'; key: Key } | { form: 'made'; name: string; secret: string }

/** The API keys of the one who is signed in: make, revoke. */
export function KeyListPage(): ReactNode {
  const me = useApi('user', 'me', {})
  const list = useShortList<Key>({
    noun: 'key',
    verb: 'list',
    fetch: (page, options) => client.key.list(page, options),
  })
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const make: Action = {
    label: 'New key',
    icon: 'key',
    command: 'key create NAME',
    run: () => setOpen({ form: 'make' }),
  }
  usePaletteActions('Keys', [make])
  return (
    <>
      <SectionHead action={<ActionButton action={make} />}>
        A key speaks for you in one team: on the command line, in scripts, in browsers. Give each machine its own.
      </SectionHead>
      <DataTable
        id="key"
        label="Keys"
        list={list}
        columns={columnsFor(me.data?.key?.id)}
        rowKey={({ id }) => id}
        rowLabel={({ name }) => name}
        actions={(key) => [
          {
            label: 'Revoke',
            icon: 'trash',
            danger: true,
            command: `key revoke ${quote(key.name)}`,
            run: () => setOpen({ form: 'revoke', key }),
          },
        ]}
        empty={<EmptyState title="No keys. You signed in with a password." command="key create laptop" />}
      />
      {open?.form === 'make' && (
        <KeyForm onClose={close} onMade={({ name, secret }) => setOpen({ form: 'made', name, secret })} />
      )}
      {open?.form === 'made' && <ShownOnce title={`Key ${open.name}`} secret={open.secret} onClose={close} />}
      {open?.form === 'revoke' && (
        <RevokeKey held={open.key} isOwn={open.key.id === me.data?.key?.id} onClose={close} />
      )}
    </>
  )
}

const columnsFor = (own: string | undefined): readonly Column<Key>[] => [
  {
    id: 'name',
    title: 'Name',
    width: 'minmax(140px, 2fr)',
    cell: ({ id, name }) => (
      <>
        <bdi>{name}</bdi> {id === own && <span className="faint">this browser’s</span>}
      </>
    ),
  },
  {
    id: 'prefix',
    title: 'Key',
    width: 'minmax(110px, 1fr)',
    card: 'fact',
    cell: ({ prefix }) => <span className="mono">{prefix}…</span>,
  },
  { id: 'team', title: 'Team', width: 'minmax(80px, 1fr)', cell: ({ team }) => team.name },
  {
    id: 'used',
    title: 'Used',
    width: '96px',
    card: 'fact',
    cell: ({ lastUsedAt }) =>
      lastUsedAt === null ? (
        <span className="faint">
          never<span className="only-phone"> used</span>
        </span>
      ) : (
        <>
          <span className="only-phone">used </span>
          <RelativeTime time={lastUsedAt} />
        </>
      ),
  },
  { id: 'expires', title: 'Expires', width: '110px', card: 'fact', cell: ({ expiresAt }) => <Expiry at={expiresAt} /> },
  { id: 'created', title: 'Created', width: '96px', cell: ({ createdAt }) => <RelativeTime time={createdAt} /> },
  { id: 'id', title: 'Id', width: '190px', hidden: true, cell: ({ id }) => <CopyId value={id} /> },
]

function Expiry({ at }: { at: string | null }): ReactNode {
  if (at !== null && Date.parse(at) < now()) return <StateBadge state="failed" label="Expired" />
  return (
    <span className={at === null ? 'faint' : undefined}>
      <span className="only-phone">expires </span>
      {at === null ? 'never' : <RelativeTime time={at} />}
    </span>
  )
}

function RevokeKey({ held, isOwn, onClose }: { held: Key; isOwn: boolean; onClose: () => void }): ReactNode {
  const action = useAction({
    run: () => client.key.revoke({ key: held.id }),
    done: () => `Revoked key ${held.name}`,
    changes: ['key', 'session'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`key ${held.name}`}
      name={held.name}
      verb="Revoke"
      takes={[]}
      note={
        isOwn
          ? 'You are signed in here with this key: you will have to sign in again, with another one.'
          : 'It stops working at once, and so do browsers that signed in with it. Jobs that it submitted run on.'
      }
      action={action}
      command={`key revoke ${quote(held.name)}`}
      onClose={onClose}
    />
  )
}
