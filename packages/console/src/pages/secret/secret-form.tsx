import { Select, Textarea, TextInput } from '@mantine/core'
import { programText, variableName } from '@nabla/api/fields'
import type { Secret } from '@nabla/api/secret'
import type { ReactNode } from 'react'
import { z } from 'zod'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useAction } from '../../parts/action.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { useSchemaForm } from '../../parts/form.ts'
import { quote } from '../../parts/quote.ts'

const fields = z.object({
  name: variableName.min(1),
  value: programText.min(1).max(65_536),
  project: z.string().optional(),
})

/** Sets a secret, or replaces the value of one. With `of` it is one of that project, and one is not asked. */
export function SecretForm(props: { secret?: Secret; of?: string; onClose: () => void }): ReactNode {
  const { secret, of, onClose } = props
  const owner = secret?.project?.name ?? of
  const form = useSchemaForm(fields, {
    ...(secret && { name: secret.name }),
    ...(owner !== undefined && { project: owner }),
  })
  const projects = useApi('project', 'list', { limit: 200 }, { enabled: !secret && of === undefined })
  const { name, project } = form.values
  const save = useAction({
    run: (given: z.output<typeof fields>) =>
      client.secret.set({
        name: given.name,
        ...(given.project !== undefined && { project: given.project }),
        body: { value: given.value },
      }),
    done: (saved) => `Set ${saved.name}. Jobs get it with --secret ${saved.name}.`,
    changes: ['secret'],
    quiet: true,
  })
  const submit = async () => {
    form.showAll()
    if (form.output && (await save.run(form.output))) onClose()
  }
  return (
    <FormDialog
      title={secret ? `Replace ${secret.name}` : of === undefined ? 'New secret' : `New secret of ${of}`}
      submit={secret ? 'Replace' : 'Set secret'}
      onSubmit={submit}
      onClose={onClose}
      pending={save.pending}
      error={save.error}
      command={`secret set ${name ?? 'NAME'}${project === undefined ? '' : ` --project ${quote(project)}`}`}
    >
      {!secret && (
        <TextInput
          label="Name"
          description="As a variable is named: HF_TOKEN."
          {...form.text('name')}
          data-autofocus
          autoComplete="off"
          spellCheck={false}
        />
      )}
      {!secret && of === undefined && (
        <Select
          label="For"
          data={[
            { value: '', label: 'The whole team' },
            ...(projects.data?.items ?? []).map((one) => ({ value: one.name, label: `Project ${one.name}` })),
          ]}
          value={project ?? ''}
          onChange={(next) => form.set('project', next || undefined)}
          allowDeselect={false}
          searchable
        />
      )}
      <Textarea
        label="Value"
        description="It is stored sealed, masked in logs, and never shown again."
        {...form.text('value')}
        autosize={false}
        rows={3}
        autoComplete="off"
        spellCheck={false}
        data-autofocus={secret ? true : undefined}
      />
    </FormDialog>
  )
}
