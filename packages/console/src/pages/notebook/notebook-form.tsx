import { Autocomplete, Button, SegmentedControl, Select, TagsInput, TextInput } from '@mantine/core'
import { createNotebook } from '@nabla/api/notebook'
import { notebookLimits } from '@nabla/api/notebook-state'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useRef, useState } from 'react'
import type { ApiError } from '@nabla/api/client'
import type { z } from 'zod'
import { client } from '../../api/client.ts'
import { queries, useApi } from '../../api/query.ts'
import { toApiError } from '../../parts/action.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { type SchemaForm, useSchemaForm } from '../../parts/form.ts'
import { readKept, writeKept } from '../../parts/kept.ts'
import { PageHeader, Panel } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { ErrorNote } from '../../parts/states.tsx'
import { toast } from '../../parts/toast.ts'
import { useUrlState } from '../../parts/url-state.ts'
import { readDuration, writeDuration } from '../job/job-form-body.ts'
import { EnvironmentPanel } from '../job/job-form-env.tsx'
import { useJobFiles } from '../job/job-form-files.ts'
import { MachinePanel } from '../job/job-form-machine.tsx'
import { ProgressPanel } from '../job/job-form-progress.tsx'
import { SourcePanel } from '../job/job-form-sources.tsx'
import { sendFiles, type Sent, type Submitting } from '../job/job-form-submit.ts'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'
import '../job/job-form.css'
import './notebook.css'

/** What the form is about: a notebook but its files, which have fields of their own. */
const fields = createNotebook.omit({ workspace: true, registryLogin: true })
type Fields = Partial<z.input<typeof fields>>
type Form = SchemaForm<typeof fields>

const crumbs = [{ label: 'Notebooks', to: '/notebooks' }]

/** Makes a notebook; with `?job=ID` one with the files of a job. */
export function NewNotebookPage(): ReactNode {
  const state = useNotebookForm()
  const { form, files, sending } = state
  const { fromJob } = form.values
  const button = (
    <Button type="submit" form="notebook-form" variant="filled" loading={sending !== undefined}>
      Start notebook
    </Button>
  )
  return (
    <>
      <PageHeader title="New notebook" crumbs={crumbs} actions={button} />
      <form
        id="notebook-form"
        noValidate
        className="job-form"
        onSubmit={(event) => {
          event.preventDefault()
          void state.submit()
        }}
      >
        <div className="stack job-form-main">
          <WhatPanel form={form} />
          <ImagePanel form={form} />
          <MachinePanel
            value={form.values.machineType}
            onChange={(name) => form.set('machineType', name)}
            isNamed={false}
          />
          {fromJob === undefined ? (
            <SourcePanel files={files} clone={undefined} problem={state.problem} />
          ) : (
            <Panel title="Files" actions={<Button onClick={() => form.set('fromJob', undefined)}>Take others</Button>}>
              <p className="muted">It begins with the workspace of job {fromJob}.</p>
            </Panel>
          )}
          <StopPanel form={form} />
          <EnvironmentPanel
            env={form.values.env ?? {}}
            onChange={(env) => form.set('env', env)}
            error={form.errors['env']}
          />
        </div>
        <div className="stack job-form-side">
          {sending && <ProgressPanel state={sending} onCancel={state.cancel} />}
          <ErrorNote error={state.error} />
          <Panel title="The same as text">
            <div className="stack">
              <CommandLine line={lineOf(form.values, files.origin)} />
              <p className="faint">
                Files in <code>/notebooks</code> and packages that you install stay when it stops. <code>/storage</code>{' '}
                is the storage of the team.
              </p>
            </div>
          </Panel>
          <div className="only-phone">{button}</div>
        </div>
      </form>
    </>
  )
}

function useNotebookForm() {
  const [project] = useUrlState('project')
  const [job] = useUrlState('job')
  const [initial] = useState((): Fields => ({
    project: project || readKept('project', 'default'),
    ...(job && { fromJob: job }),
  }))
  const form = useSchemaForm(fields, initial)
  const files = useJobFiles('nothing')
  const navigate = useNavigate()
  const [sending, setSending] = useState<Submitting>()
  const [error, setError] = useState<ApiError>()
  const [tried, setTried] = useState(false)
  const control = useRef<AbortController>(undefined)
  const sent = useRef<Sent>(undefined)
  return {
    form,
    files,
    sending,
    error,
    problem: tried ? files.problem : undefined,
    cancel: () => control.current?.abort(),
    async submit() {
      form.showAll()
      setTried(true)
      if (!form.output || files.problem !== undefined || sending) return
      const stop = new AbortController()
      control.current = stop
      setError(undefined)
      setSending({ is: 'waiting', what: 'Submitting…' })
      try {
        const { signal } = stop
        const workspace = await sendFiles(files, { signal, show: setSending, sent })
        const body = { ...(form.values as z.input<typeof fields>), workspace }
        const made = await client.notebook.create({ body }, { signal })
        writeKept('project', made.project.name)
        toast(`Starting ${made.name}`)
        void navigate({ to: `/notebooks/${made.id}` as never })
      } catch (thrown) {
        if (!stop.signal.aborted) setError(toApiError(thrown))
      } finally {
        setSending(undefined)
        for (const noun of ['notebook', 'project']) void queries.invalidateQueries({ queryKey: [noun] })
      }
    },
  }
}

function WhatPanel({ form }: { form: Form }): ReactNode {
  const { data } = useApi('project', 'list', { limit: 200 })
  const projects = data?.items.map(({ name }) => name) ?? []
  const { project } = form.values
  const isNew = data !== undefined && data.next === null && project !== undefined && !projects.includes(project)
  return (
    <Panel title="What it is">
      <div className="job-fields">
        <TextInput
          label="Name"
          description="To know it by."
          placeholder="made up"
          {...form.text('name')}
          autoComplete="off"
          dir="auto"
          autoFocus
        />
        <Autocomplete
          label="Project"
          description={isNew ? 'A new one: it is made with the notebook.' : 'One that is there, or a new name.'}
          value={project ?? ''}
          data={projects}
          onChange={(value) => form.set('project', (value === '' ? undefined : value) as string)}
          error={form.errors['project']}
          autoComplete="off"
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

function ImagePanel({ form }: { form: Form }): ReactNode {
  const { image = 'host' } = form.values
  const [isOther, setOther] = useState(image !== 'host')
  return (
    <Panel
      title="Jupyter"
      actions={
        <SegmentedControl
          aria-label="Where Jupyter comes from"
          value={isOther ? 'image' : 'host'}
          onChange={(value) => {
            setOther(value === 'image')
            form.set('image', value === 'image' ? '' : undefined)
          }}
          data={[
            { value: 'host', label: 'This machine' },
            { value: 'image', label: 'Image' },
          ]}
        />
      }
    >
      <div className="job-fields">
        {isOther ? (
          <>
            <TextInput
              label="Image"
              description="One that carries Jupyter."
              placeholder="quay.io/jupyter/scipy-notebook"
              {...form.text('image')}
              autoComplete="off"
              spellCheck={false}
            />
            <Registry form={form} />
          </>
        ) : (
          <p className="muted job-wide">
            JupyterLab in an environment that Nabla keeps: made once on a machine, then ready in seconds.
          </p>
        )}
        <TagsInput
          className="job-wide mono-field"
          label="Packages"
          description="Each as in a requirements file. More can be installed from within, and stays."
          placeholder="torch>=2.6"
          value={form.values.packages ?? []}
          onChange={(packages) => form.set('packages', packages)}
          error={form.errors['packages']}
          acceptValueOnBlur
        />
      </div>
    </Panel>
  )
}

function Registry({ form }: { form: Form }): ReactNode {
  const { data } = useApi('registry', 'list', { limit: 200 })
  return (
    <Select
      label="Login"
      description="Of a registry that is not open."
      placeholder="the one for its host"
      data={(data?.items ?? []).map(({ name }) => name)}
      value={form.values.registry ?? null}
      onChange={(value) => form.set('registry', value)}
      clearable
    />
  )
}

function StopPanel({ form }: { form: Form }): ReactNode {
  const { idleLimitSeconds = notebookLimits.idleLimitSeconds, timeLimitSeconds = null } = form.values
  return (
    <Panel title="When it stops by itself">
      <div className="job-fields">
        <DurationField
          label="Unused for"
          description="A kernel that computes, a terminal or GPU at work, and an open page count as use."
          value={idleLimitSeconds}
          onChange={(value) => form.set('idleLimitSeconds', value)}
          error={form.errors['idleLimitSeconds']}
        />
        <DurationField
          label="In any case after"
          description="Used or not. It can be put off while it runs."
          value={timeLimitSeconds}
          onChange={(value) => form.set('timeLimitSeconds', value)}
          error={form.errors['timeLimitSeconds']}
        />
      </div>
    </Panel>
  )
}

function DurationField(props: {
  label: string
  description: string
  value: number | null
  onChange: (seconds: number | null) => void
  error: string | undefined
}): ReactNode {
  const { label, description, value, onChange, error } = props
  const [text, setText] = useState(value === null ? '' : writeDuration(value))
  const isBad = text.trim() !== '' && readDuration(text) === undefined
  return (
    <TextInput
      {...{ label, description }}
      placeholder="never"
      value={text}
      error={isBad ? 'Such as 30m, 4h or 1d; empty for never.' : error}
      onChange={(event) => {
        const typed = event.currentTarget.value
        setText(typed)
        onChange(typed.trim() === '' ? null : (readDuration(typed) ?? 0))
      }}
      autoComplete="off"
    />
  )
}

/** The line of the CLI that does the same. */
function lineOf(values: Fields, origin: ReturnType<typeof useJobFiles>['origin']): string {
  const { name, project, image, machineType, packages = [], tags = [], env = {}, fromJob } = values
  const { idleLimitSeconds, timeLimitSeconds } = values
  const flags: [string, string | undefined][] = [
    ['--name', name],
    ['--project', project],
    ['--image', image === 'host' ? undefined : image],
    ['--machine-type', machineType],
    ...packages.map((one): [string, string] => ['--package', one]),
    ...tags.map((one): [string, string] => ['--tag', one]),
    ...Object.entries(env).map(([key, value]): [string, string] => ['--env', `${key}=${value}`]),
    ['--idle-limit', idleLimitSeconds ? writeDuration(idleLimitSeconds) : undefined],
    ['--time-limit', timeLimitSeconds ? writeDuration(timeLimitSeconds) : undefined],
    ['--from-job', fromJob],
    ['--workspace', fromJob === undefined ? workspaceOf(origin) : undefined],
  ]
  const given = flags.flatMap(([flag, value]) =>
    value === undefined || value === '' ? [] : [`${flag} ${quote(value)}`],
  )
  const never = idleLimitSeconds === null ? ['--no-idle-limit'] : []
  return ['notebook create', ...given, ...never].join(' ')
}

function workspaceOf(origin: ReturnType<typeof useJobFiles>['origin']): string | undefined {
  switch (origin.from) {
    case 'git':
      return origin.url
    case 'folder':
      return origin.name || '.'
    case 'archive':
      return origin.name
    case 'nothing':
    case 'stored':
      return undefined
    default:
      return origin satisfies never
  }
}
