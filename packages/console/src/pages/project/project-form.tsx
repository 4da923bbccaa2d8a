import { Button, TagsInput, TextInput } from '@mantine/core'
import { contract } from '@nabla/api'
import type { Project } from '@nabla/api/project'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { useSchemaForm } from '../../parts/form.ts'
import { quote } from '../../parts/quote.ts'
import { ErrorNote } from '../../parts/states.tsx'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'

/** Makes a project, or renames and tags one. */
export function ProjectForm(props: {
  project?: Project
  onClose: () => void
  onSaved?: (saved: Project) => void
}): ReactNode {
  const { project, onClose, onSaved } = props
  const form = useSchemaForm(contract.project.create.body, { name: project?.name ?? '', tags: project?.tags ?? [] })
  const { name = '', tags = [] } = form.values
  const save = useAction({
    run: (body: { name: string; tags: string[] }) =>
      project ? client.project.update({ project: project.id, body }) : client.project.create({ body }),
    done: (saved) =>
      project
        ? { message: `Changed project ${saved.name}`, undo: () => putBack(project) }
        : `Made project ${saved.name}`,
    changes: ['project'],
    quiet: true,
  })
  const submit = async () => {
    form.showAll()
    const saved = form.output && (await save.run(form.output))
    if (!saved) return
    onSaved?.(saved)
    onClose()
  }
  const flags = tags.map((tag) => ` --tag ${quote(tag)}`).join('')
  const command = project
    ? `project update ${quote(project.name)}${name === project.name ? '' : ` --name ${quote(name)}`}${flags}`
    : `project create ${quote(name || 'NAME')}${flags}`
  return (
    <Dialog title={project ? `Change ${project.name}` : 'New project'} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <TextInput label="Name" {...form.text('name')} data-autofocus autoComplete="off" dir="auto" />
        <TagsInput
          label="Tags"
          description="Words to find it by. Enter adds one."
          value={tags}
          onChange={(next) => form.set('tags', next)}
          error={form.errors['tags']}
        />
        <CommandLine line={command} />
        <ErrorNote error={save.error} />
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="filled" loading={save.pending}>
            {project ? 'Save' : 'Make project'}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

const putBack = ({ id, name, tags }: Project) => client.project.update({ project: id, body: { name, tags } })
