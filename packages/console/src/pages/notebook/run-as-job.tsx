import { Select, TextInput } from '@mantine/core'
import type { NotebookSummary } from '@nabla/api/notebook'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useAction } from '../../parts/action.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { quote } from '../../parts/quote.ts'
import { ErrorNote } from '../../parts/states.tsx'
import type { DialogProps } from './notebook-dialogs.tsx'

/** Runs a notebook file as a job, with other parameters. */
export function RunAsJob({ notebook, onClose, onGo }: DialogProps & { onGo: (address: string) => void }): ReactNode {
  const files = useApi('notebook', 'files', { notebook: notebook.id, path: '', limit: 200 })
  const paths = (files.data?.items ?? []).map((entry) => entry.path).filter((path) => path.endsWith('.ipynb'))
  const [chosen, setChosen] = useState<string>()
  const path = chosen ?? paths[0]
  const [changed, setChanged] = useState<Record<string, string>>({})
  const action = useAction({
    run: (file: string) =>
      client.notebook.runAsJob({ notebook: notebook.id, body: { path: file, parameters: valuesOf(changed) } }),
    done: (job) => `Submitted ${job.name}`,
    changes: ['job', 'project'],
    quiet: true,
  })
  const flags = Object.entries(changed)
    .map(([name, value]) => ` -p ${quote(`${name}=${value}`)}`)
    .join('')
  return (
    <FormDialog
      title={`Run ${notebook.name} as a job`}
      submit="Run"
      command={`notebook run ${quote(notebook.name)} --file ${quote(path ?? 'FILE')}${flags}`}
      onSubmit={async () => {
        const job = path === undefined ? undefined : await action.run(path)
        if (!job) return
        onClose()
        onGo(`/jobs/${job.id}`)
      }}
      {...{ onClose, pending: action.pending, error: action.error }}
    >
      <p className="muted">The file is run from top to bottom, with what is saved; the executed one is an artifact.</p>
      <Select
        label="File"
        data={paths}
        value={path ?? null}
        onChange={(value) => {
          if (value !== null) setChosen(value)
          setChanged({})
        }}
        placeholder={files.data ? 'There is no notebook file at the top.' : 'Looking…'}
        allowDeselect={false}
        data-autofocus
      />
      {path !== undefined && <Parameters {...{ notebook, path, changed, setChanged }} />}
    </FormDialog>
  )
}

function Parameters(props: {
  notebook: NotebookSummary
  path: string
  changed: Record<string, string>
  setChanged: (changed: Record<string, string>) => void
}): ReactNode {
  const { notebook, path, changed, setChanged } = props
  const query = useApi('notebook', 'document', { notebook: notebook.id, path, limit: 1 })
  if (query.error) return <ErrorNote error={query.error} />
  const parameters = query.data?.parameters ?? []
  if (parameters.length === 0) {
    return <p className="faint">It has no cell that is tagged “parameters”, so there is nothing to set.</p>
  }
  return parameters.map(({ name, value }) => (
    <TextInput
      key={name}
      label={name}
      className="mono-field"
      placeholder={value}
      value={changed[name] ?? ''}
      onChange={(event) => {
        const { [name]: _, ...others } = changed
        const text = event.currentTarget.value
        setChanged(text === '' ? others : { ...others, [name]: text })
      }}
      autoComplete="off"
      spellCheck={false}
    />
  ))
}

/** What is JSON is that value, as with the command line; anything else is text. */
function valuesOf(changed: Record<string, string>): Record<string, never> {
  const read = (text: string): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  }
  return Object.fromEntries(Object.entries(changed).map(([name, text]) => [name, read(text)])) as Record<string, never>
}
