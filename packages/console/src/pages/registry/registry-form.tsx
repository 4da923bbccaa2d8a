import { PasswordInput, TextInput } from '@mantine/core'
import { contract } from '@nabla/api'
import type { Registry } from '@nabla/api/registry'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { useSchemaForm } from '../../parts/form.ts'
import { quote } from '../../parts/quote.ts'
import '@mantine/core/styles/PasswordInput.css'

/** Stores a login for a registry, or replaces one. */
export function RegistryForm({ registry, onClose }: { registry?: Registry; onClose: () => void }): ReactNode {
  const form = useSchemaForm(contract.registry.create.body, {
    ...(registry && { name: registry.name, host: registry.host, username: registry.username }),
  })
  const { name, host, username } = form.values
  const save = useAction({
    run: (body: NonNullable<typeof form.output>) =>
      registry ? client.registry.update({ registry: registry.id, body }) : client.registry.create({ body }),
    done: (saved) => `Stored the login at ${saved.host} as ${saved.name}.`,
    changes: ['registry', 'image'],
    quiet: true,
  })
  const submit = async () => {
    form.showAll()
    if (form.output && (await save.run(form.output))) onClose()
  }
  const words = [registry ? `update ${quote(registry.name)}` : `create ${quote(name ?? 'NAME')}`]
  const flags = [`--host ${quote(host ?? 'HOST')}`, `--username ${quote(username ?? 'NAME')}`]
  return (
    <FormDialog
      title={registry ? `Change ${registry.name}` : 'New registry'}
      submit={registry ? 'Change' : 'Store login'}
      onSubmit={submit}
      onClose={onClose}
      pending={save.pending}
      error={save.error}
      command={['registry', ...words, ...flags].join(' ')}
    >
      <TextInput
        label="Name"
        description="What jobs call it, where a host has several logins."
        {...form.text('name')}
        data-autofocus
        autoComplete="off"
        dir="auto"
      />
      <TextInput
        label="Host"
        description="As it stands in front of images: docker.io, ghcr.io, registry.example.com:5000."
        {...form.text('host')}
        autoComplete="off"
        spellCheck={false}
      />
      <TextInput label="User name" {...form.text('username')} autoComplete="off" spellCheck={false} />
      <PasswordInput
        label="Password or token"
        description="It is stored sealed, and never shown again."
        {...form.text('password')}
        autoComplete="new-password"
      />
    </FormDialog>
  )
}
