import { TagsInput, Textarea, TextInput } from '@mantine/core'
import { contract } from '@nabla/api'
import type { Model, ModelVersion } from '@nabla/api/model'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { useSchemaForm } from '../../parts/form.ts'
import { plural } from '../../parts/format.ts'
import { MarkVersion } from '../../parts/mark-version.tsx'
import { quote } from '../../parts/quote.ts'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'

/** Renames a model, notes and tags it. */
export function ModelForm(props: { model: Model; onClose: () => void; onSaved?: (saved: Model) => void }): ReactNode {
  const { model, onClose, onSaved } = props
  const { name, notes, tags } = model
  const form = useSchemaForm(contract.model.create.body, { name, notes, tags })
  const save = useAction({
    run: (body: { name: string; notes: string; tags: string[] }) =>
      client.model.update({ model: model.id, body: { name: body.name, notes: body.notes, tags: body.tags } }),
    done: (saved) => ({
      message: `Changed model ${saved.name}`,
      undo: () => client.model.update({ model: model.id, body: { name, notes, tags } }),
    }),
    changes: ['model'],
    quiet: true,
  })
  const submit = async () => {
    form.showAll()
    const saved = form.output && (await save.run(form.output))
    if (!saved) return
    onSaved?.(saved)
    onClose()
  }
  const { values } = form
  const flags = [
    ...(values.name === name ? [] : [`--name ${values.name ?? ''}`]),
    ...(values.notes === notes ? [] : [`--notes ${quote(values.notes ?? '')}`]),
    ...(values.tags ?? []).map((tag) => `--tag ${quote(tag)}`),
  ]
  return (
    <FormDialog
      title={`Change ${name}`}
      submit="Save"
      onSubmit={submit}
      onClose={onClose}
      pending={save.pending}
      error={save.error}
      command={['model update', name, ...flags].join(' ')}
    >
      <TextInput label="Name" {...form.text('name')} data-autofocus autoComplete="off" />
      <Textarea label="Notes" {...form.text('notes')} rows={5} dir="auto" />
      <TagsInput
        label="Tags"
        description="Words to find it by. Enter adds one."
        value={values.tags ?? []}
        onChange={(next) => form.set('tags', next)}
        error={form.errors['tags']}
      />
    </FormDialog>
  )
}

/** Deletes a model with all its versions. */
export function DeleteModel(props: { model: Model; onClose: () => void; onDeleted?: () => void }): ReactNode {
  const { model, onClose, onDeleted } = props
  const { id, name, versions } = model
  const action = useAction<void, unknown>({
    run: async () => {
      const gone = await client.model.delete({ model: id })
      onDeleted?.()
      return gone
    },
    done: () => `Deleted model ${name}`,
    changes: ['model'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`model ${name}`}
      name={name}
      takes={versions === 0 ? [] : [plural(versions, 'version')]}
      action={action}
      command={`model delete ${name}`}
      onClose={onClose}
    />
  )
}

/** Deletes one version; its number is not given again. */
export function DeleteVersion({ version, onClose }: { version: ModelVersion; onClose: () => void }): ReactNode {
  const { model, reference } = version
  const action = useAction<void, unknown>({
    run: () => client.model.deleteVersion({ model: model.id, version: `${version.version}` }),
    done: () => `Deleted ${reference}`,
    changes: ['model'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={reference}
      name={model.name}
      takes={[]}
      note="Its files go with it, unless another version has them too. It cannot be taken back."
      action={action}
      command={`model delete ${reference}`}
      onClose={onClose}
    />
  )
}

/** Gives a version its aliases, and takes others away. */
export function AliasVersion({ version, onClose }: { version: ModelVersion; onClose: () => void }): ReactNode {
  const { model, reference, aliases } = version
  return (
    <MarkVersion
      noun="model"
      reference={reference}
      name={model.name}
      label="Aliases"
      description={`Who asks for ${model.name}@ALIAS gets this version from then on. An alias is on one version only.`}
      marks={aliases}
      set={(alias) => client.model.setAlias({ model: model.id, alias, body: { version: `${version.version}` } })}
      unset={(alias) => client.model.deleteAlias({ model: model.id, alias })}
      verbs={{ set: 'alias', unset: 'unalias' }}
      onClose={onClose}
    />
  )
}

/** The notes of one version. */
export function NoteVersion({ version, onClose }: { version: ModelVersion; onClose: () => void }): ReactNode {
  const { model, reference } = version
  const [notes, setNotes] = useState(version.notes)
  const action = useAction<void, ModelVersion>({
    run: () => client.model.updateVersion({ model: model.id, version: `${version.version}`, body: { notes } }),
    done: () => `Changed the notes of ${reference}`,
    changes: ['model'],
    quiet: true,
  })
  return (
    <FormDialog
      title={`Notes of ${reference}`}
      submit="Save"
      onSubmit={async () => (await action.run()) && onClose()}
      onClose={onClose}
      pending={action.pending}
      error={action.error}
      command={`model note ${reference} ${quote(notes || 'NOTES')}`}
    >
      <Textarea
        label="Notes"
        description="Markdown."
        value={notes}
        onChange={(event) => setNotes(event.currentTarget.value)}
        rows={8}
        dir="auto"
        data-autofocus
      />
    </FormDialog>
  )
}
