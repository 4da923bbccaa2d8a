import type { Team } from '@nabla/api/team'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { switchTeam } from '../../api/session.ts'
import { useShortList } from '../../api/short-list.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import { type Action, useAction } from '../../parts/action.ts'
import { Bytes, RelativeTime } from '../../parts/amount.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState } from '../../parts/states.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { SectionHead } from '../settings/section.tsx'
import { NewTeamForm, TeamForm } from './team-form.tsx'

const columnsFor = (own: string | undefined): readonly Column<Team>[] => [
  {
    id: 'name',
    title: 'Name',
    width: 'minmax(140px, 2fr)',
    cell: ({ id, name }) => (
      <>
        <bdi>{name}</bdi> {id === own && <span className="faint">this one</span>}
      </>
    ),
  },
  { id: 'role', title: 'You are', width: '90px', card: 'fact', cell: ({ role }) => role },
  {
    id: 'quota',
    title: 'Storage',
    width: '120px',
    align: 'right',
    card: 'fact',
    cell: ({ storageQuotaBytes: quota }) =>
      quota === null ? <span className="faint">the whole disk</span> : <Bytes bytes={quota} />,
  },
  {
    id: 'created',
    title: 'Created',
    width: '110px',
    card: 'fact',
    cell: (row) => <RelativeTime time={row.createdAt} />,
  },
  { id: 'id', title: 'Id', width: '190px', hidden: true, cell: ({ id }) => <CopyId value={id} /> },
]

/** The teams that one belongs to. The one in use can be renamed and given a quota, by its admins. */
export function TeamListPage(): ReactNode {
  const me = useApi('user', 'me', {})
  const own = me.data?.team.id
  const notAdmin = me.data?.role === 'member' ? 'Only admins of the team do this.' : undefined
  const list = useShortList<Team>({
    noun: 'team',
    verb: 'list',
    fetch: (page, options) => client.team.list(page, options),
  })
  const [open, setOpen] = useState<'new' | Team>()
  const goTo = useAction({
    run: async (team: Team) => {
      await switchTeam(team.id)
      window.location.assign('/')
    },
  })
  const make: Action = {
    label: 'New team',
    icon: 'people',
    command: 'team create NAME',
    unavailable: notAdmin,
    run: () => setOpen('new'),
  }
  usePaletteActions('Teams', [make])
  const actionsOf = (team: Team): Action[] => [
    {
      label: 'Rename, or set the quota',
      icon: 'edit',
      unavailable: team.id === own ? notAdmin : 'Switch to this team first.',
      command: `team update ${quote(team.name)} --storage-quota SIZE`,
      run: () => setOpen(team),
    },
    {
      label: 'Switch to it',
      icon: 'right',
      command: `team use ${quote(team.name)}`,
      unavailable: team.id === own ? 'It is the one in use.' : undefined,
      run: () => void goTo.run(team),
    },
  ]
  return (
    <>
      <SectionHead action={<ActionButton action={make} />}>
        A team owns everything: projects, jobs, storage, secrets. This browser acts in one at a time.
      </SectionHead>
      <DataTable
        id="team"
        label="Teams"
        list={list}
        columns={columnsFor(own)}
        rowKey={({ id }) => id}
        rowLabel={({ name }) => name}
        actions={actionsOf}
        empty={<EmptyState title="You belong to no team." command="team list" />}
      />
      {open === 'new' && <NewTeamForm onClose={() => setOpen(undefined)} />}
      {open && open !== 'new' && <TeamForm team={open} onClose={() => setOpen(undefined)} />}
    </>
  )
}
