import type { TeamMember } from '@nabla/api/team'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useShortList } from '../../api/short-list.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import { type Action, useAction } from '../../parts/action.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { quote } from '../../parts/quote.ts'
import { ShownOnce } from '../../parts/shown-once.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { SectionHead } from '../settings/section.tsx'
import { MemberForm } from './member-form.tsx'

const columns: readonly Column<TeamMember>[] = [
  { id: 'name', title: 'Name', width: 'minmax(140px, 2fr)', cell: ({ name }) => <bdi>{name}</bdi> },
  { id: 'role', title: 'Role', width: '100px', card: 'fact', cell: ({ role }) => role },
  { id: 'since', title: 'Since', width: '110px', card: 'fact', cell: ({ addedAt }) => <RelativeTime time={addedAt} /> },
  { id: 'id', title: 'Id', width: '190px', hidden: true, cell: ({ userId }) => <CopyId value={userId} /> },
]

type Open =
  | { form: 'add' }
  | { form: 'role' | 'remove'; member: TeamMember }
  | { form: 'made'; name: string; secret: string }

/** Who belongs to the team, and what they may do. Admins add, change and remove. */
export function MemberListPage(): ReactNode {
  const me = useApi('user', 'me', {})
  const team = me.data?.team
  const notAllowed = me.data?.role === 'member' ? 'Only admins of the team do this.' : undefined
  const list = useShortList<TeamMember>({
    noun: 'team',
    verb: 'members',
    input: { team: team?.id },
    fetch: (page, options) => client.team.members({ team: team!.id, ...page }, options),
    enabled: team !== undefined,
  })
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const name = team?.name ?? 'TEAM'
  const add: Action = {
    label: 'Add a person',
    icon: 'people',
    command: `team add-member ${quote(name)} NAME`,
    unavailable: notAllowed,
    run: () => setOpen({ form: 'add' }),
  }
  usePaletteActions('Members', [add])
  return (
    <>
      <SectionHead action={<ActionButton action={add} />}>
        Members do everything with jobs, projects, storage and secrets of {name}. Admins also change the team.
      </SectionHead>
      <DataTable
        id="member"
        label="Members"
        list={list}
        columns={columns}
        rowKey={({ userId }) => userId}
        rowLabel={(member) => member.name}
        actions={(member) => [
          {
            label: member.role === 'admin' ? 'Make a member' : 'Make an admin',
            icon: 'edit',
            unavailable: notAllowed,
            command: `team add-member ${quote(name)} ${quote(member.name)} --role ${otherRole(member)}`,
            run: () => setOpen({ form: 'role', member }),
          },
          {
            label: 'Remove from the team',
            icon: 'trash',
            danger: true,
            unavailable: notAllowed,
            command: `team remove-member ${quote(name)} ${quote(member.name)}`,
            run: () => setOpen({ form: 'remove', member }),
          },
        ]}
        empty={<EmptyState title="Nobody belongs to this team." command={`team add-member ${quote(name)} ada`} />}
      />
      {team && open?.form === 'add' && (
        <MemberForm
          team={team}
          onClose={close}
          onAdded={(added, secret) => setOpen(secret === null ? undefined : { form: 'made', name: added, secret })}
        />
      )}
      {team && open?.form === 'role' && <ChangeRole team={team} member={open.member} onClose={close} />}
      {team && open?.form === 'remove' && <RemoveMember team={team} member={open.member} onClose={close} />}
      {open?.form === 'made' && (
        <ShownOnce title={`The first key of ${open.name}`} secret={open.secret} onClose={close} />
      )}
    </>
  )
}

interface AboutMember {
  team: { id: string; name: string }
  member: TeamMember
  onClose: () => void
}

const otherRole = ({ role }: TeamMember): TeamMember['role'] => (role === 'admin' ? 'member' : 'admin')

function ChangeRole({ team, member, onClose }: AboutMember): ReactNode {
  const role = otherRole(member)
  const action = useAction({
    run: () => client.team.addMember({ team: team.id, user: member.userId, body: { role } }),
    done: () => `${member.name} is now ${role === 'admin' ? 'an admin' : 'a member'}`,
    changes: ['team', 'user'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={member.name}
      name={member.name}
      verb={role === 'admin' ? 'Make an admin of' : 'Make a member of'}
      takes={[]}
      note={
        role === 'admin'
          ? 'They may then add and remove people, rename the team and set its quota.'
          : 'They keep their jobs and keys, and may no longer change the team.'
      }
      action={action}
      command={`team add-member ${quote(team.name)} ${quote(member.name)} --role ${role}`}
      onClose={onClose}
    />
  )
}

function RemoveMember({ team, member, onClose }: AboutMember): ReactNode {
  const action = useAction({
    run: () => client.team.removeMember({ team: team.id, user: member.userId }),
    done: () => `${member.name} has left the team`,
    changes: ['team', 'user'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`${member.name} from ${team.name}`}
      name={member.name}
      verb="Remove"
      takes={[]}
      note="Their keys for this team stop working at once. Their jobs stay."
      action={action}
      command={`team remove-member ${quote(team.name)} ${quote(member.name)}`}
      onClose={onClose}
    />
  )
}
