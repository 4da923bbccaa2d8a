import { Button, TagsInput, Textarea, TextInput } from '@mantine/core'
import type { Run } from '@nabla/api/run'
import { runLimits } from '@nabla/api/run-states'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { Icon } from '../../parts/icon.tsx'
import { MarkdownView } from '../../parts/markdown-view.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { EmptyState, ErrorNote } from '../../parts/states.tsx'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'

/** The note of a run, its name and its tags: to read, and to change. */
export function RunNote({ run }: { run: Run }): ReactNode {
  const [isOpen, setOpen] = useState(false)
  const change = (
    <Button leftSection={<Icon name="edit" size={14} />} onClick={() => setOpen(true)}>
      Change
    </Button>
  )
  if (isOpen) return <NoteForm run={run} onClose={() => setOpen(false)} />
  if (run.note === '') return <EmptyState title="No note yet. Write down what this run was for." action={change} />
  return (
    <Panel title="Note" actions={change}>
      <MarkdownView text={run.note} />
    </Panel>
  )
}

function NoteForm({ run, onClose }: { run: Run; onClose: () => void }): ReactNode {
  const [name, setName] = useState(run.name)
  const [note, setNote] = useState(run.note)
  const [tags, setTags] = useState<string[]>(run.tags)
  const save = useAction({
    run: () => client.run.update({ run: run.id, body: { name, note, tags } }),
    done: () => ({ message: `Changed ${name}`, undo: () => putBack(run) }),
    changes: ['run'],
    quiet: true,
  })
  const submit = async () => {
    if ((await save.run(undefined)) !== undefined) onClose()
  }
  return (
    <Panel title="Change the run">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} dir="auto" />
        <Textarea
          label="Note"
          description="Markdown: # headings, lists, `code`, **strong**, links."
          className="run-note-field"
          value={note}
          maxLength={runLimits.noteLength}
          onChange={(event) => setNote(event.currentTarget.value)}
          dir="auto"
          data-autofocus
        />
        <TagsInput label="Tags" value={tags} onChange={setTags} acceptValueOnBlur />
        <ErrorNote error={save.error} />
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="filled" loading={save.pending}>
            Save
          </Button>
        </div>
      </form>
    </Panel>
  )
}

const putBack = ({ id, name, note, tags }: Run) => client.run.update({ run: id, body: { name, note, tags } })
