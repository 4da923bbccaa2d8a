import { Select, TagsInput, TextInput } from '@mantine/core'
import type { NotebookSummary } from '@nabla/api/notebook'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useAction } from '../../parts/action.ts'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { formatMemory, plural } from '../../parts/format.ts'
import { quote } from '../../parts/quote.ts'
import { RunAsJob } from './run-as-job.tsx'
import { ShareNotebook } from './share-notebook.tsx'
import type { Asked } from './notebook-actions.ts'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'

export interface DialogProps {
  notebook: NotebookSummary
  onClose: () => void
}

/** Asks before something is done with a notebook, and does it. `onGo`: a page that is to be shown then. */
export function NotebookDialog(
  props: DialogProps & { asked: Asked; version?: number | undefined; onGo: (address: string) => void },
): ReactNode {
  const { asked, version, notebook, onClose, onGo } = props
  switch (asked) {
    case 'start':
      return <StartNotebook {...{ notebook, onClose }} />
    case 'stop':
      return <StopNotebook {...{ notebook, onClose }} />
    case 'fork':
      return <ForkNotebook {...{ notebook, onClose, onGo, version }} />
    case 'change':
      return <ChangeNotebook {...{ notebook, onClose }} />
    case 'share':
      return <ShareNotebook {...{ notebook, onClose }} />
    case 'delete':
      return <DeleteNotebook {...{ notebook, onClose, onGo }} />
    case 'run':
      return <RunAsJob {...{ notebook, onClose, onGo }} />
    default:
      return asked satisfies never
  }
}

function useMachineTypes(): { value: string; label: string }[] {
  const { data } = useApi('machine-type', 'list', {})
  return (data?.items ?? []).map(({ name, cpus, memoryBytes, gpus }) => ({
    value: name,
    label: `${name}: ${plural(cpus, 'CPU')}, ${formatMemory(memoryBytes)}${gpus > 0 ? `, ${plural(gpus, 'GPU')}` : ''}`,
  }))
}

function StartNotebook({ notebook, onClose }: DialogProps): ReactNode {
  const { id, name, machineType: before } = notebook
  const [machineType, setMachineType] = useState(before)
  const types = useMachineTypes()
  const action = useAction({
    run: () => client.notebook.start({ notebook: id, body: { machineType } }),
    done: () => `Starting ${name}`,
    changes: ['notebook', 'machine-type'],
    quiet: true,
  })
  const flag = machineType === before ? '' : ` --machine-type ${quote(machineType)}`
  return (
    <FormDialog
      title={`Start ${name}`}
      submit="Start"
      command={`notebook start ${quote(name)}${flag}`}
      onSubmit={async () => (await action.run(undefined)) && onClose()}
      {...{ onClose, pending: action.pending, error: action.error }}
    >
      <Select
        label="Machine type"
        description="It stays so for the next starts too."
        data={types}
        value={machineType}
        onChange={(value) => value !== null && setMachineType(value)}
        allowDeselect={false}
        data-autofocus
      />
    </FormDialog>
  )
}

function StopNotebook({ notebook: { id, name }, onClose }: DialogProps): ReactNode {
  const action = useAction({
    run: () => client.notebook.stop({ notebook: id, body: {} }),
    done: () => `Stopping ${name}`,
    changes: ['notebook', 'machine-type'],
    quiet: true,
  })
  return (
    <FormDialog
      title={`Stop ${name}?`}
      submit="Stop"
      command={`notebook stop ${quote(name)}`}
      onSubmit={async () => (await action.run(undefined)) && onClose()}
      {...{ onClose, pending: action.pending, error: action.error }}
    >
      <p className="muted">Files, packages and what was printed stay. Variables that only a kernel knows are gone.</p>
    </FormDialog>
  )
}

function ForkNotebook(
  props: DialogProps & { version: number | undefined; onGo: (address: string) => void },
): ReactNode {
  const { notebook, version, onClose, onGo } = props
  const [name, setName] = useState(`${notebook.name}-fork`.slice(0, 100))
  const action = useAction({
    run: () =>
      client.notebook.fork({ notebook: notebook.id, body: { name, ...(version !== undefined && { version }) } }),
    done: (made) => `Made ${made.name}`,
    changes: ['notebook'],
    quiet: true,
  })
  const flag = version === undefined ? '' : ` --version ${version}`
  return (
    <FormDialog
      title={version === undefined ? `Fork ${notebook.name}` : `Restore version ${version} into a fork`}
      submit="Make the fork"
      command={`notebook fork ${quote(notebook.name)}${flag} --name ${quote(name || 'NAME')}`}
      onSubmit={async () => {
        const made = await action.run(undefined)
        if (!made) return
        onClose()
        onGo(`/notebooks/${made.id}`)
      }}
      {...{ onClose, pending: action.pending, error: action.error }}
    >
      <p className="muted">
        It gets the files {version === undefined ? 'as they are now' : `of version ${version}`} and the packages, never
        variables that hold secrets. This one stays as it is.
      </p>
      <TextInput
        label="Name of the fork"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        autoComplete="off"
        dir="auto"
        data-autofocus
      />
    </FormDialog>
  )
}

function ChangeNotebook({ notebook, onClose }: DialogProps): ReactNode {
  const [name, setName] = useState(notebook.name)
  const [tags, setTags] = useState<string[]>([...notebook.tags])
  const put = (body: { name: string; tags: string[] }) => client.notebook.update({ notebook: notebook.id, body })
  const action = useAction({
    run: () => put({ name, tags }),
    done: () => ({
      message: `Changed ${name}`,
      undo: () => put({ name: notebook.name, tags: [...notebook.tags] }),
    }),
    changes: ['notebook'],
    quiet: true,
  })
  const rename = name === notebook.name ? '' : ` --name ${quote(name)}`
  const flags = tags.length === 0 ? ' --no-tags' : tags.map((tag) => ` --tag ${quote(tag)}`).join('')
  return (
    <FormDialog
      title={`Change ${notebook.name}`}
      submit="Save"
      command={`notebook update ${quote(notebook.name)}${rename}${flags}`}
      onSubmit={async () => (await action.run(undefined)) && onClose()}
      {...{ onClose, pending: action.pending, error: action.error }}
    >
      <TextInput
        label="Name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        autoComplete="off"
        dir="auto"
        data-autofocus
      />
      <TagsInput label="Tags" value={tags} onChange={setTags} acceptValueOnBlur />
    </FormDialog>
  )
}

function DeleteNotebook({ notebook, onClose, onGo }: DialogProps & { onGo: (address: string) => void }): ReactNode {
  const { id, name, savedVersion } = notebook
  const action = useAction({
    run: async () => {
      const gone = await client.notebook.delete({ notebook: id })
      onGo('/notebooks')
      return gone
    },
    done: () => `Deleted notebook ${name}`,
    changes: ['notebook'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`notebook ${name}`}
      name={name}
      takes={['its files', 'its packages', ...(savedVersion === null ? [] : ['all versions'])]}
      action={action}
      command={`notebook delete ${quote(name)}`}
      onClose={onClose}
    />
  )
}
