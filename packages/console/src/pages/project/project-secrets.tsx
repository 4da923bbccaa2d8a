import { Textarea, TextInput } from '@mantine/core'
import { programText, variableName } from '@nabla/api/fields'
import type { Project } from '@nabla/api/project'
import type { Secret } from '@nabla/api/secret'
import { type ReactNode, useState } from 'react'
import { z } from 'zod'
import { client } from '../../api/client.ts'
import { useShortList } from '../../api/short-list.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import { useAction } from '../../parts/action.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { useSchemaForm } from '../../parts/form.ts'
import { quote } from '../../parts/quote.ts'
import { EmptyState } from '../../parts/states.tsx'

const columns: readonly Column<Secret>[] = [
  { id: 'name', title: 'Name', width: 'minmax(160px, 2fr)', cell: ({ name }) => <span className="mono">{name}</span> },
  {
    id: 'scope',
    title: 'For',
    width: 'minmax(120px, 2fr)',
    card: 'fact',
    cell: ({ project }) => (project ? 'this project' : 'the whole team'),
  },
  {
    id: 'changed',
    title: 'Changed',
    width: '110px',
    card: 'fact',
    cell: (row) => <RelativeTime time={row.updatedAt} />,
  },
]

type Open = { form: 'set'; name?: string } | { form: 'delete'; secret: Secret }

/** The secrets that jobs of a project can have: its own, and those of the team. */
export function ProjectSecrets({ project }: { project: Project }): ReactNode {
  const list = useShortList<Secret>({
    noun: 'secret',
    verb: 'list',
    input: { project: project.id },
    // Asked for by its project, the list leaves out those of the team.
    fetch: async (page, options) => {
      const { items, next } = await client.secret.list(page, options)
      return { items: items.filter((one) => one.project === null || one.project.id === project.id), next }
    },
  })
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const make = {
    label: 'New secret',
    command: `secret set NAME --project ${quote(project.name)}`,
    run: () => setOpen({ form: 'set' }),
  }
  const ofTeam = 'It belongs to the team: change it in the settings.'
  return (
    <>
      <div className="row project-head">
        <p className="muted grow">
          A job gets a secret with <code>--secret NAME</code>. One of the project is taken before one of the team.
        </p>
        <ActionButton action={make} />
      </div>
      <DataTable
        id="project-secret"
        label="Secrets"
        list={list}
        columns={columns}
        rowKey={({ name, project }) => `${project?.id ?? ''}/${name}`}
        rowLabel={({ name }) => name}
        actions={(secret) => [
          {
            label: 'Replace the value',
            icon: 'edit',
            unavailable: secret.project ? undefined : ofTeam,
            command: `secret set ${secret.name} --project ${quote(project.name)}`,
            run: () => setOpen({ form: 'set', name: secret.name }),
          },
          {
            label: 'Delete',
            icon: 'trash',
            danger: true,
            unavailable: secret.project ? undefined : ofTeam,
            command: `secret delete ${secret.name} --project ${quote(project.name)}`,
            run: () => setOpen({ form: 'delete', secret }),
          },
        ]}
        empty={<EmptyState title="No secrets yet." command={make.command} />}
      />
      {open?.form === 'set' && (
        <SetSecret project={project} {...(open.name !== undefined && { name: open.name })} onClose={close} />
      )}
      {open?.form === 'delete' && <DeleteSecret project={project} secret={open.secret} onClose={close} />}
    </>
  )
}

const fields = z.object({ name: variableName.min(1), value: programText.min(1).max(65_536) })

function SetSecret(props: { project: Project; name?: string; onClose: () => void }): ReactNode {
  const { project, name, onClose } = props
  const form = useSchemaForm(fields, name === undefined ? {} : { name })
  const save = useAction({
    run: (given: z.output<typeof fields>) =>
      client.secret.set({ name: given.name, project: project.id, body: { value: given.value } }),
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
      title={name === undefined ? `New secret of ${project.name}` : `Replace ${name}`}
      submit={name === undefined ? 'Set secret' : 'Replace'}
      onSubmit={submit}
      onClose={onClose}
      pending={save.pending}
      error={save.error}
      command={`secret set ${form.values.name ?? 'NAME'} --project ${quote(project.name)}`}
    >
      {name === undefined && (
        <TextInput
          label="Name"
          description="As a variable is named: HF_TOKEN."
          {...form.text('name')}
          data-autofocus
          autoComplete="off"
          spellCheck={false}
        />
      )}
      <Textarea
        label="Value"
        description="It is stored sealed, masked in logs, and never shown again."
        {...form.text('value')}
        rows={3}
        autoComplete="off"
        spellCheck={false}
      />
    </FormDialog>
  )
}

function DeleteSecret(props: { project: Project; secret: Secret; onClose: () => void }): ReactNode {
  const { project, secret, onClose } = props
  const action = useAction<void, unknown>({
    run: () => client.secret.delete({ name: secret.name, project: project.id }),
    done: () => `Deleted ${secret.name}`,
    changes: ['secret'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`secret ${secret.name}`}
      name={secret.name}
      takes={[]}
      note="Jobs that name it can no longer start. It cannot be taken back."
      action={action}
      command={`secret delete ${secret.name} --project ${quote(project.name)}`}
      onClose={onClose}
    />
  )
}
