import { Checkbox, NumberInput, TextInput } from '@mantine/core'
import { contract } from '@nabla/api'
import type { Team } from '@nabla/api/team'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { useSchemaForm } from '../../parts/form.ts'
import { quote } from '../../parts/quote.ts'
import '@mantine/core/styles/NumberInput.css'

/** Makes a team, with oneself as its admin. */
export function NewTeamForm({ onClose }: { onClose: () => void }): ReactNode {
  const form = useSchemaForm(contract.team.create.body, {})
  const make = useAction({
    run: (body: { name: string }) => client.team.create({ body }),
    done: ({ name }) => `Made team ${name}. Switch to it at the top left.`,
    changes: ['team'],
    quiet: true,
  })
  const submit = async () => {
    form.showAll()
    if (form.output && (await make.run(form.output))) onClose()
  }
  return (
    <FormDialog
      title="New team"
      submit="Make team"
      onSubmit={submit}
      onClose={onClose}
      pending={make.pending}
      error={make.error}
      command={`team create ${quote(form.values.name ?? 'NAME')}`}
    >
      <TextInput label="Name" {...form.text('name')} data-autofocus autoComplete="off" dir="auto" />
    </FormDialog>
  )
}

const gigabyte = 1e9

/** Renames a team, and says how much its storage may hold. */
export function TeamForm({ team, onClose }: { team: Team; onClose: () => void }): ReactNode {
  const { name: before, storageQuotaBytes: quotaBefore } = team
  const form = useSchemaForm(contract.team.update.body, { name: before, storageQuotaBytes: quotaBefore })
  const { name, storageQuotaBytes: quota } = form.values
  const save = useAction({
    run: (body: { name?: string | undefined; storageQuotaBytes?: number | null | undefined }) =>
      client.team.update({
        team: team.id,
        body: {
          ...(body.name !== undefined && { name: body.name }),
          ...(body.storageQuotaBytes !== undefined && { storageQuotaBytes: body.storageQuotaBytes }),
        },
      }),
    done: (saved) => ({
      message: `Changed team ${saved.name}`,
      undo: () => client.team.update({ team: team.id, body: { name: before, storageQuotaBytes: quotaBefore } }),
    }),
    changes: ['team', 'user'],
    quiet: true,
  })
  const submit = async () => {
    form.showAll()
    if (form.output && (await save.run(form.output))) onClose()
  }
  const flags = [
    ...(name === before ? [] : [`--name ${quote(name ?? 'NAME')}`]),
    ...(quota === quotaBefore ? [] : [`--storage-quota ${quota == null ? 'none' : `${quota / gigabyte}GB`}`]),
  ]
  return (
    <FormDialog
      title={`Change ${before}`}
      submit="Save"
      onSubmit={submit}
      onClose={onClose}
      pending={save.pending}
      error={save.error}
      command={['team update', quote(before), ...flags].join(' ')}
    >
      <TextInput label="Name" {...form.text('name')} data-autofocus autoComplete="off" dir="auto" />
      <Checkbox
        label="Its storage may fill the disk"
        checked={quota == null}
        onChange={(event) =>
          form.set('storageQuotaBytes', event.currentTarget.checked ? null : (quotaBefore ?? 100 * gigabyte))
        }
      />
      {quota != null && (
        <NumberInput
          label="Storage quota"
          suffix=" GB"
          min={0}
          decimalScale={2}
          thousandSeparator=","
          value={quota / gigabyte}
          onChange={(value) => form.set('storageQuotaBytes', Math.round(Number(value) * gigabyte))}
          error={form.errors['storageQuotaBytes']}
        />
      )}
    </FormDialog>
  )
}
