import { Select, TextInput } from '@mantine/core'
import { displayName } from '@nabla/api/fields'
import { teamRole } from '@nabla/api/team'
import type { ReactNode } from 'react'
import { z } from 'zod'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { useSchemaForm } from '../../parts/form.ts'
import { quote } from '../../parts/quote.ts'

const fields = z.object({ user: displayName, role: teamRole })

const roles = [
  { value: 'member', label: 'Member' },
  { value: 'admin', label: 'Admin' },
]

/** Adds a person to the team. A name that nobody has makes the user, whose first key `onAdded` gets. */
export function MemberForm(props: {
  team: { id: string; name: string }
  onClose: () => void
  onAdded: (name: string, key: string | null) => void
}): ReactNode {
  const { team, onClose, onAdded } = props
  const form = useSchemaForm(fields, { role: 'member' })
  const { user, role = 'member' } = form.values
  const add = useAction({
    run: (given: z.output<typeof fields>) =>
      client.team.addMember({ team: team.id, user: given.user, body: { role: given.role } }),
    done: ({ member }) => `Added ${member.name}`,
    changes: ['team', 'user'],
    quiet: true,
  })
  const submit = async () => {
    form.showAll()
    const added = form.output && (await add.run(form.output))
    if (added) onAdded(added.member.name, added.key)
  }
  return (
    <FormDialog
      title={`Add a person to ${team.name}`}
      submit="Add"
      onSubmit={submit}
      onClose={onClose}
      pending={add.pending}
      error={add.error}
      command={`team add-member ${quote(team.name)} ${quote(user ?? 'NAME')}${role === 'admin' ? ' --role admin' : ''}`}
    >
      <TextInput
        label="Name"
        description="Of somebody on this server, or a new one: then you get their first key."
        {...form.text('user')}
        data-autofocus
        autoComplete="off"
        dir="auto"
      />
      <Select
        label="Role"
        data={roles}
        value={role}
        onChange={(next) => form.set('role', next === 'admin' ? 'admin' : 'member')}
        allowDeselect={false}
      />
    </FormDialog>
  )
}
