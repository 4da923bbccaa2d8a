import { Button, TextInput } from '@mantine/core'
import { contract } from '@nabla/api'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { useSchemaForm } from '../../parts/form.ts'
import { quote } from '../../parts/quote.ts'

/** The button that asks for another name for oneself. */
export function Rename({ name }: { name: string }): ReactNode {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button onClick={() => setOpen(true)}>Rename</Button>
      {open && <RenameForm before={name} onClose={() => setOpen(false)} />}
    </>
  )
}

function RenameForm({ before, onClose }: { before: string; onClose: () => void }): ReactNode {
  const form = useSchemaForm(contract.user.rename.body, { name: before })
  const save = useAction({
    run: (body: { name: string }) => client.user.rename({ body }),
    done: ({ user }) => ({
      message: `You are ${user.name} now`,
      undo: () => client.user.rename({ body: { name: before } }),
    }),
    changes: ['user', 'team'],
    quiet: true,
  })
  const submit = async () => {
    form.showAll()
    if (form.output && (await save.run(form.output))) onClose()
  }
  return (
    <FormDialog
      title="Change your name"
      submit="Rename"
      onSubmit={submit}
      onClose={onClose}
      pending={save.pending}
      error={save.error}
      command={`user rename ${quote(form.values.name ?? 'NAME')}`}
    >
      <TextInput
        label="Name"
        description="How others see you, and how you sign in with a password."
        {...form.text('name')}
        data-autofocus
        autoComplete="username"
        dir="auto"
      />
    </FormDialog>
  )
}
