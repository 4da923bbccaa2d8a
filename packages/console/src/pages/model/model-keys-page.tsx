import { Textarea, TextInput } from '@mantine/core'
import { contract } from '@nabla/api'
import type { ModelKey } from '@nabla/api/model'
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
import { FormDialog } from '../../parts/form-dialog.tsx'
import { useSchemaForm } from '../../parts/form.ts'
import { quote } from '../../parts/quote.ts'
import { EmptyState } from '../../parts/states.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { SectionHead } from '../settings/section.tsx'

const columns: readonly Column<ModelKey>[] = [
  { id: 'name', title: 'Name', width: 'minmax(120px, 1fr)', cell: ({ name }) => <bdi>{name}</bdi> },
  {
    id: 'fingerprint',
    title: 'Fingerprint',
    width: 'minmax(160px, 2fr)',
    card: 'fact',
    cell: ({ fingerprint }) => <CopyId value={fingerprint} label={`${fingerprint.slice(0, 16)}…`} />,
  },
  {
    id: 'created',
    title: 'Added',
    width: '110px',
    card: 'fact',
    cell: ({ createdAt }) => <RelativeTime time={createdAt} />,
  },
]

type Open = { form: 'add' } | { form: 'remove'; modelKey: ModelKey }

/** The keys with which models of the team are signed: their public halves. */
export function ModelKeysPage(): ReactNode {
  const me = useApi('user', 'me', {})
  const refusal = me.data?.role === 'member' ? 'Only admins of the team do this.' : undefined
  const list = useShortList<ModelKey>({
    noun: 'model',
    verb: 'listKeys',
    fetch: async (_page, options) => ({ ...(await client.model.listKeys({}, options)), next: null }),
  })
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const add: Action = {
    label: 'Add a key',
    icon: 'lock',
    unavailable: refusal,
    command: 'model add-key NAME FILE',
    run: () => setOpen({ form: 'add' }),
  }
  usePaletteActions('Model keys', [add])
  return (
    <>
      <SectionHead action={<ActionButton action={add} />}>
        Versions of models that one of these keys has signed are trusted; a project may ask for that in its settings.
        The private half of a key never leaves the machine where it was made.
      </SectionHead>
      <DataTable
        id="model-key"
        label="Keys of models"
        list={list}
        columns={columns}
        rowKey={({ id }) => id}
        rowLabel={({ name }) => name}
        actions={(modelKey) => [
          {
            label: 'Remove',
            icon: 'trash',
            danger: true,
            unavailable: refusal,
            command: `model remove-key ${quote(modelKey.name)}`,
            run: () => setOpen({ form: 'remove', modelKey }),
          },
        ]}
        empty={<EmptyState title="No keys yet." command="model create-key release release.pem" />}
      />
      {open?.form === 'add' && <AddKey onClose={close} />}
      {open?.form === 'remove' && <RemoveKey modelKey={open.modelKey} onClose={close} />}
    </>
  )
}

/** Trusts a key by its public half, which is pasted. */
function AddKey({ onClose }: { onClose: () => void }): ReactNode {
  const form = useSchemaForm(contract.model.addKey.body, {})
  const save = useAction({
    run: (body: { name: string; publicKey: string }) => client.model.addKey({ body }),
    done: (key) => `Models that ${key.name} signs are trusted`,
    changes: ['model'],
    quiet: true,
  })
  const submit = async () => {
    form.showAll()
    if (form.output && (await save.run(form.output))) onClose()
  }
  return (
    <FormDialog
      title="Add a key"
      submit="Trust it"
      onSubmit={submit}
      onClose={onClose}
      pending={save.pending}
      error={save.error}
      command={`model add-key ${quote(form.values.name ?? 'NAME')} FILE`}
    >
      <TextInput label="Name" {...form.text('name')} data-autofocus autoComplete="off" dir="auto" />
      <Textarea
        label="Public key"
        description="Of Ed25519, in PEM. nabla model create-key NAME FILE makes a key and adds it at once."
        placeholder="-----BEGIN PUBLIC KEY-----"
        rows={5}
        {...form.text('publicKey')}
        className="mono"
        spellCheck={false}
      />
    </FormDialog>
  )
}

function RemoveKey({ modelKey, onClose }: { modelKey: ModelKey; onClose: () => void }): ReactNode {
  const { id, name } = modelKey
  const action = useAction<void, unknown>({
    run: () => client.model.removeKey({ modelKey: id }),
    done: () => `${name} is trusted no longer`,
    changes: ['model'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`the key ${name}`}
      name={name}
      takes={[]}
      verb="Remove"
      note="What it has signed is no longer signed by it. Jobs of projects that ask for signatures refuse such versions."
      action={action}
      command={`model remove-key ${quote(name)}`}
      onClose={onClose}
    />
  )
}
