import { TagsInput, Textarea, TextInput } from '@mantine/core'
import { contract } from '@nabla/api'
import type { Dataset, DatasetVersion } from '@nabla/api/dataset'
import { latestTag } from '@nabla/api/dataset-states'
import type { ReactNode } from 'react'
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

/** Renames a dataset, describes and tags it. Jobs that read it go on reading it. */
export function DatasetForm(props: {
  dataset: Dataset
  onClose: () => void
  onSaved?: (saved: Dataset) => void
}): ReactNode {
  const { dataset, onClose, onSaved } = props
  const { name, description, tags } = dataset
  const form = useSchemaForm(contract.dataset.create.body, { name, description, tags })
  const save = useAction({
    run: (body: { name: string; description: string; tags: string[] }) =>
      client.dataset.update({ dataset: dataset.id, body }),
    done: (saved) => ({
      message: `Changed dataset ${saved.name}`,
      undo: () => client.dataset.update({ dataset: dataset.id, body: { name, description, tags } }),
    }),
    changes: ['dataset'],
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
    ...(values.description === description ? [] : [`--description ${quote(values.description ?? '')}`]),
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
      command={['dataset update', name, ...flags].join(' ')}
    >
      <TextInput label="Name" {...form.text('name')} data-autofocus autoComplete="off" />
      <Textarea label="Description" {...form.text('description')} rows={3} dir="auto" />
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

/** Deletes a dataset with all its versions. */
export function DeleteDataset(props: { dataset: Dataset; onClose: () => void; onDeleted?: () => void }): ReactNode {
  const { dataset, onClose, onDeleted } = props
  const { id, name, versions } = dataset
  const action = useAction<void, unknown>({
    run: async () => {
      const gone = await client.dataset.delete({ dataset: id })
      onDeleted?.()
      return gone
    },
    done: () => `Deleted dataset ${name}`,
    changes: ['dataset'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`dataset ${name}`}
      name={name}
      takes={versions === 0 ? [] : [plural(versions, 'version')]}
      action={action}
      command={`dataset delete ${name}`}
      onClose={onClose}
    />
  )
}

/** Deletes one version; its number is not given again. */
export function DeleteVersion(props: { dataset: Dataset; version: DatasetVersion; onClose: () => void }): ReactNode {
  const { dataset, version, onClose } = props
  const action = useAction<void, unknown>({
    run: () => client.dataset.deleteVersion({ dataset: dataset.id, version: `${version.version}` }),
    done: () => `Deleted ${dataset.name}:${version.version}`,
    changes: ['dataset'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`${dataset.name}:${version.version}`}
      name={dataset.name}
      takes={[]}
      note="Its files go with it, unless another version has them too. It cannot be taken back."
      action={action}
      command={`dataset delete ${dataset.name}:${version.version}`}
      onClose={onClose}
    />
  )
}

/** Gives a version its tags, and takes others away. */
export function TagVersion(props: { dataset: Dataset; version: DatasetVersion; onClose: () => void }): ReactNode {
  const { dataset, version, onClose } = props
  return (
    <MarkVersion
      noun="dataset"
      reference={`${dataset.name}:${version.version}`}
      name={dataset.name}
      label="Tags"
      description={`Jobs that ask for ${dataset.name}:TAG read this version from then on. A tag is on one version only.`}
      marks={version.tags.filter((tag) => tag !== latestTag)}
      set={(tag) => client.dataset.tag({ dataset: dataset.id, tag, body: { version: `${version.version}` } })}
      unset={(tag) => client.dataset.untag({ dataset: dataset.id, tag })}
      verbs={{ set: 'tag', unset: 'untag' }}
      onClose={onClose}
    />
  )
}
