import { Select, TextInput } from '@mantine/core'
import { contract } from '@nabla/api'
import type { Key } from '@nabla/api/key'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useAction } from '../../parts/action.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { useSchemaForm } from '../../parts/form.ts'
import { quote } from '../../parts/quote.ts'

const lifetimes = [
  { value: '7', label: 'in a week' },
  { value: '30', label: 'in 30 days' },
  { value: '90', label: 'in 90 days' },
  { value: '365', label: 'in a year' },
  { value: '', label: 'never' },
]

/** Makes a key; `onMade` gets its secret, which is nowhere else. */
export function KeyForm(props: { onClose: () => void; onMade: (made: Key & { secret: string }) => void }): ReactNode {
  const form = useSchemaForm(contract.key.create.body, { expiresInDays: 90 })
  const me = useApi('user', 'me', {})
  const teams = useApi('team', 'list', { limit: 200 })
  const { name, team, expiresInDays } = form.values
  const mine = me.data?.team.name
  const make = useAction({
    run: () => client.key.create({ body: form.output! }),
    changes: ['key'],
    quiet: true,
  })
  const submit = async () => {
    form.showAll()
    const made = form.output && (await make.run(undefined))
    if (made) props.onMade(made)
  }
  const flags = [
    ...(team === undefined || team === mine ? [] : [`--team ${quote(team)}`]),
    ...(expiresInDays === undefined ? [] : [`--expires-in-days ${expiresInDays}`]),
  ]
  return (
    <FormDialog
      title="New key"
      submit="Make key"
      onSubmit={submit}
      onClose={props.onClose}
      pending={make.pending}
      error={make.error}
      command={['key create', quote(name ?? 'NAME'), ...flags].join(' ')}
    >
      <TextInput
        label="Name"
        description="Such as the machine that it is for."
        {...form.text('name')}
        data-autofocus
        autoComplete="off"
        dir="auto"
      />
      <Select
        label="Team"
        data={(teams.data?.items ?? []).map((one) => one.name)}
        value={team ?? mine ?? null}
        onChange={(next) => form.set('team', next ?? undefined)}
        allowDeselect={false}
      />
      <Select
        label="Expires"
        data={lifetimes}
        value={expiresInDays === undefined ? '' : String(expiresInDays)}
        onChange={(days) => form.set('expiresInDays', days ? Number(days) : undefined)}
        allowDeselect={false}
      />
    </FormDialog>
  )
}
