import { Autocomplete, TagsInput, Textarea, TextInput } from '@mantine/core'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import type { SchemaForm } from '../../parts/form.ts'
import { Panel } from '../../parts/page-header.tsx'
import type { jobFields } from '../job/job-form-body.ts'

/** What it is called, where it belongs, and for a single node what to run. */
export function WhatPanel(props: { form: SchemaForm<typeof jobFields>; withCommand: boolean }): ReactNode {
  const { form, withCommand } = props
  const { data } = useApi('project', 'list', { limit: 200 })
  const projects = data?.items.map(({ name }) => name) ?? []
  const { project } = form.values
  const isNew = data !== undefined && data.next === null && project !== undefined && !projects.includes(project)
  return (
    <Panel title={withCommand ? 'What to run' : 'What it is'}>
      <div className="job-fields">
        {withCommand && (
          <Textarea
            className="job-wide job-command-field mono-field"
            label="Command"
            placeholder="python train.py --epochs 5"
            {...form.text('command')}
            spellCheck={false}
            autoCapitalize="off"
          />
        )}
        <Autocomplete
          label="Project"
          description={isNew ? 'A new one: it is made with the experiment.' : 'One that is there, or a new name.'}
          value={project ?? ''}
          data={projects}
          onChange={(value) => form.set('project', (value === '' ? undefined : value) as string)}
          error={form.errors['project']}
          autoComplete="off"
        />
        <TextInput
          label="Name"
          description="To know it by."
          placeholder="made up"
          {...form.text('name')}
          autoComplete="off"
          dir="auto"
        />
        <TagsInput
          className="job-wide"
          label="Tags"
          value={form.values.tags ?? []}
          onChange={(tags) => form.set('tags', tags)}
          error={form.errors['tags']}
          acceptValueOnBlur
        />
      </div>
    </Panel>
  )
}
