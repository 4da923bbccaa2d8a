import { TagsInput, TextInput } from '@mantine/core'
import type { Workflow } from '@nabla/api/workflow'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { type Action, useAction } from '../../parts/action.ts'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { plural } from '../../parts/format.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { quote } from '../../parts/quote.ts'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'

export interface AskedOfWorkflow {
  ask: 'change' | 'delete'
  workflow: Workflow
}

interface Given {
  go: (address: string) => void
  ask: (asked: AskedOfWorkflow) => void
}

/** What can be done with a workflow: in its row, on its page and in the palette. */
export function workflowActions(workflow: Workflow, { go, ask }: Given): Action[] {
  const { id, name, latest } = workflow
  const runs = latest !== null && latest.endedAt === null
  return [
    {
      label: 'Run',
      icon: 'play',
      command: `workflow run ${quote(name)} -f FILE`,
      run: () => go(`/workflows/new?workflow=${id}`),
    },
    {
      label: 'Name and tags',
      icon: 'edit',
      command: `workflow update ${id} --name NAME --tag TAG`,
      run: () => ask({ ask: 'change', workflow }),
    },
    {
      label: 'Delete',
      icon: 'trash',
      danger: true,
      command: `workflow delete ${id}`,
      unavailable: runs ? `Run ${latest.number} has not ended: stop it first.` : undefined,
      run: () => ask({ ask: 'delete', workflow }),
    },
  ]
}

/** Asks before a workflow is changed or deleted, and does it. */
export function WorkflowDialog(props: {
  asked: AskedOfWorkflow | undefined
  onClose: () => void
  onDeleted?: () => void
}): ReactNode {
  const { asked, onClose, onDeleted } = props
  if (!asked) return null
  return asked.ask === 'change' ? (
    <ChangeWorkflow workflow={asked.workflow} onClose={onClose} />
  ) : (
    <DeleteWorkflow workflow={asked.workflow} onClose={onClose} onDeleted={onDeleted} />
  )
}

function ChangeWorkflow({ workflow, onClose }: { workflow: Workflow; onClose: () => void }): ReactNode {
  const [name, setName] = useState(workflow.name)
  const [tags, setTags] = useState<string[]>(workflow.tags)
  const save = useAction({
    run: () => client.workflow.update({ workflow: workflow.id, body: { name, tags } }),
    done: () => `Changed ${name}`,
    changes: ['workflow'],
    quiet: true,
  })
  const submit = async () => {
    if ((await save.run(undefined)) !== undefined) onClose()
  }
  const flags = [
    ...(name === workflow.name ? [] : [`--name ${quote(name)}`]),
    ...(tags.length === 0 ? ['--no-tags'] : tags.map((tag) => `--tag ${quote(tag)}`)),
  ]
  return (
    <FormDialog
      title="Name and tags"
      submit="Save"
      onSubmit={submit}
      onClose={onClose}
      pending={save.pending}
      error={save.error}
      command={`workflow update ${workflow.id} ${flags.join(' ')}`}
    >
      <TextInput
        label="Name"
        value={name}
        onChange={({ currentTarget: { value } }) => setName(value)}
        autoComplete="off"
        dir="auto"
        data-autofocus
      />
      <TagsInput label="Tags" value={tags} onChange={setTags} dir="auto" />
    </FormDialog>
  )
}

function DeleteWorkflow(props: {
  workflow: Workflow
  onClose: () => void
  onDeleted: (() => void) | undefined
}): ReactNode {
  const { workflow, onClose, onDeleted } = props
  const { id, name, runs } = workflow
  const action = useAction<void, unknown>({
    run: () => client.workflow.delete({ workflow: id }),
    done: () => `Deleted ${name}`,
    changes: ['workflow', 'job', 'project'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`workflow ${name}`}
      name={name}
      takes={runs === 0 ? [] : [`${plural(runs, 'run')} with their jobs, logs and volumes`]}
      note="It has no runs."
      action={{
        ...action,
        async run() {
          const done = await action.run()
          if (done !== undefined) onDeleted?.()
          return done
        },
      }}
      command={`workflow delete ${id}`}
      onClose={onClose}
    />
  )
}
