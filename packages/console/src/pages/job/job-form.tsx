import { Autocomplete, Button, TagsInput, Textarea, TextInput } from '@mantine/core'
import type { Job } from '@nabla/api/job'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useRef, useState } from 'react'
import { useApi } from '../../api/query.ts'
import { type SchemaForm, useSchemaForm } from '../../parts/form.ts'
import { readKept, writeKept } from '../../parts/kept.ts'
import { PageHeader, Panel } from '../../parts/page-header.tsx'
import { ErrorNote } from '../../parts/states.tsx'
import { TextPanel } from '../../parts/text-panel.tsx'
import { toast } from '../../parts/toast.ts'
import { useUrlState } from '../../parts/url-state.ts'
import { jobDocument, readJobText } from './job-document.ts'
import { jobFields, type JobFields } from './job-form-body.ts'
import { EnvironmentPanel } from './job-form-env.tsx'
import { useJobFiles } from './job-form-files.ts'
import { MachinePanel } from './job-form-machine.tsx'
import { advanced, MoreFields } from './job-form-more.tsx'
import { ProgressPanel } from './job-form-progress.tsx'
import { SourcePanel } from './job-form-sources.tsx'
import { useSubmitJob } from './job-form-submit.ts'
import { cloneLine, jobLine } from './job-line.ts'
import type { ReadJob } from './job-line-read.ts'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'
import './job-form.css'

/** Where a job goes when nothing says otherwise. */
const usualProject = 'default'

/** The form that makes a job; `clone` fills it in from one, whose files it keeps unless told otherwise. */
export function JobForm({ clone }: { clone?: Job }): ReactNode {
  const state = useJobForm(clone)
  const { form, files, sending, version, notes } = state
  const disabled = sending.now !== undefined
  const button = (
    <Button type="submit" form="job-form" variant="filled" loading={disabled}>
      {clone ? 'Start clone' : 'Start job'}
    </Button>
  )
  return (
    <>
      <PageHeader
        title={clone ? `Clone ${clone.name}` : 'New job'}
        crumbs={clone ? [jobsCrumb, { label: clone.name, to: `/jobs/${clone.id}` }] : [jobsCrumb]}
        actions={button}
      />
      <form
        id="job-form"
        noValidate
        className="job-form"
        onSubmit={(event) => {
          event.preventDefault()
          void state.submit()
        }}
      >
        <div className="stack job-form-main">
          <WhatPanel form={form} onPaste={state.fill} />
          <SourcePanel files={files} clone={clone} problem={state.shownProblem} />
          <MachinePanel
            value={form.values.machineType}
            onChange={(name) => form.set('machineType', name)}
            isNamed={clone !== undefined}
          />
          <EnvironmentPanel
            key={`env ${version}`}
            env={form.values.env ?? {}}
            onChange={(env) => form.set('env', env)}
            datasets={form.values.datasets}
            onDatasets={(datasets) => form.set('datasets', datasets)}
            error={form.errors['env'] ?? form.errors['datasets']}
          />
          <MoreFields
            key={`more ${version}`}
            form={form}
            isOpen={advanced.some((name) => Object.hasOwn(jobDocument(form.values, files.origin), name))}
          />
        </div>
        <div className="stack job-form-side">
          {sending.now && <ProgressPanel state={sending.now} onCancel={sending.cancel} />}
          <ErrorNote error={sending.error} />
          <Notes notes={notes} />
          <TextPanel
            line={state.line}
            document={jobDocument(form.values, files.origin)}
            read={readJobText}
            onPaste={state.fill}
            label="A line of nabla run, YAML or JSON"
            placeholder="nabla run --machine-type small --env LR=0.1 -- python train.py"
          />
          <p className="faint">
            <kbd>enter</kbd> in the command starts the job, <kbd>shift enter</kbd> makes a new line. Pasting a line of{' '}
            <code>nabla run</code> there fills in the form.
          </p>
          <div className="only-phone">{button}</div>
        </div>
      </form>
    </>
  )
}

/** What a clone or a pasted line could not fill in. */
function Notes({ notes }: { notes: readonly string[] }): ReactNode {
  if (notes.length === 0) return null
  return (
    <Panel title="Still to do">
      <ul className="job-notes">
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </Panel>
  )
}

const jobsCrumb = { label: 'Jobs', to: '/jobs' }

function useJobForm(clone: Job | undefined) {
  const [project] = useUrlState('project')
  const [initial] = useState(() =>
    clone ? fieldsOf(clone) : { project: project || readKept('project', usualProject) },
  )
  const form = useSchemaForm(jobFields, initial)
  const files = useJobFiles(clone ? 'same' : 'nothing')
  const sending = useSubmitJob()
  const navigate = useNavigate()
  const [filled, setFilled] = useState<{ version: number; notes: string[] }>({ version: 0, notes: [] })
  const [tried, setTried] = useState(false)
  const changed = clone && changesOf(fieldsOf(clone), form.values)
  return {
    form,
    files,
    sending,
    ...filled,
    shownProblem: tried ? files.problem : undefined,
    line: clone && files.from === 'same' ? cloneLine(clone.id, changed ?? {}) : jobLine(form.values, files.origin),
    fill({ fields, origin, ignore, notes }: ReadJob) {
      form.reset({ ...(form.values.project !== undefined && { project: form.values.project }), ...fields })
      if (origin) files.fill(origin, ignore)
      setFilled(({ version }) => ({ version: version + 1, notes }))
    },
    async submit() {
      form.showAll()
      setTried(true)
      if (!form.output || files.problem !== undefined) {
        requestAnimationFrame(showFirstProblem)
        return
      }
      const job = await sending.submit({
        fields: form.values,
        files,
        ...(clone && { clone: { job: clone.id, changed: changed ?? {} } }),
      })
      if (!job) return
      writeKept('project', job.project.name)
      toast(`Submitted ${job.name}`)
      void navigate({ to: `/jobs/${job.id}` as never })
    },
  }
}

/** What of a job the form is filled in with; it gets a name of its own. */
function fieldsOf({ spec, project, tags, machineType }: Job): JobFields {
  const { workspace: _, ...fields } = spec
  return { ...fields, machineType, project: project.name, tags }
}

/** The fields that are not as they were; one that was emptied is what it would be by itself. */
function changesOf(before: JobFields, after: JobFields): JobFields {
  const parsed = jobFields.safeParse(after)
  if (!parsed.success) return {}
  const now: Record<string, unknown> = parsed.data
  const was = before as Record<string, unknown>
  const changed = Object.entries(now).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(was[name]))
  return Object.fromEntries(changed)
}

/** Brings the first field with something wrong into sight. */
function showFirstProblem(): void {
  const field = document.querySelector<HTMLElement>('#job-form [aria-invalid=true], #job-form .error-text')
  field?.focus()
  field?.scrollIntoView({ block: 'center' })
}

function WhatPanel(props: { form: SchemaForm<typeof jobFields>; onPaste: (read: ReadJob) => void }): ReactNode {
  const { form, onPaste } = props
  const { data } = useApi('project', 'list', { limit: 200 })
  const projects = data?.items.map(({ name }) => name) ?? []
  const { project } = form.values
  const isNew = data !== undefined && data.next === null && project !== undefined && !projects.includes(project)
  const field = useRef<HTMLTextAreaElement>(null)
  return (
    <Panel title="What to run">
      <div className="job-fields">
        <Textarea
          ref={field}
          className="job-wide job-command-field mono-field"
          label="Command"
          placeholder="python train.py --epochs 5"
          {...form.text('command')}
          autoFocus
          spellCheck={false}
          autoCapitalize="off"
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
            event.preventDefault()
            event.currentTarget.form?.requestSubmit()
          }}
          onPaste={(event) => {
            const text = event.clipboardData.getData('text')
            if (!/^\s*(\$\s+)?nabla\s+(run|job\s+create)\s/.test(text)) return
            event.preventDefault()
            readJobText(text).then(onPaste, (error: unknown) =>
              toast('That line cannot be read.', { tone: 'failed', hint: (error as Error).message }),
            )
          }}
        />
        <Autocomplete
          label="Project"
          description={isNew ? 'A new one: it is made with the job.' : 'One that is there, or a new name.'}
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
