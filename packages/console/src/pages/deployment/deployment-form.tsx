import { Autocomplete, Button, SegmentedControl, TagsInput, Textarea, TextInput } from '@mantine/core'
import type { Deployment } from '@nabla/api/deployment'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { PageHeader, Panel } from '../../parts/page-header.tsx'
import { ErrorNote } from '../../parts/states.tsx'
import { TextPanel } from '../../parts/text-panel.tsx'
import { EnvironmentPanel } from '../job/job-form-env.tsx'
import { MachinePanel } from '../job/job-form-machine.tsx'
import { ProgressPanel } from '../job/job-form-progress.tsx'
import { SourcePanel } from '../job/job-form-sources.tsx'
import { readDocument } from './deployment-document.ts'
import { AccessPanel, HealthPanel, MorePanel, RolloutPanel, ScalePanel } from './deployment-form-panels.tsx'
import { useDeploymentForm } from './use-deployment-form.ts'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'
import '../job/job-form.css'
import './deployment.css'

const crumbs = [{ label: 'Deployments', to: '/deployments' }]

type State = ReturnType<typeof useDeploymentForm>

/** Makes a deployment; `known` is one that is changed, whose files it keeps unless told otherwise. */
export function DeploymentForm({ known }: { known?: Deployment }): ReactNode {
  const state = useDeploymentForm(known)
  const { form, files, by, sending, version } = state
  const busy = sending.pending
  const buttons = (
    <>
      {!known && (
        <Button disabled={busy} onClick={() => void state.submit(false)}>
          Save for later
        </Button>
      )}
      <Button type="submit" form="deployment-form" variant="filled" loading={busy}>
        {known ? 'Change' : 'Deploy'}
      </Button>
    </>
  )
  return (
    <>
      <PageHeader
        title={known ? `Change ${known.name}` : 'New deployment'}
        crumbs={known ? [...crumbs, { label: known.name, to: `/deployments/${known.id}` }] : crumbs}
        actions={buttons}
      />
      <form
        id="deployment-form"
        noValidate
        className="job-form"
        onSubmit={(event) => {
          event.preventDefault()
          void state.submit(true)
        }}
      >
        <div className="stack job-form-main">
          <ServedPanel key={`served ${version}`} state={state} isNew={known === undefined} />
          {by === 'command' && <SourcePanel files={files} clone={known as never} problem={state.shownProblem} />}
          {known && <RolloutPanel rollout={state.rollout} onChange={state.setRollout} />}
          <ScalePanel form={form} />
          <MachinePanel
            value={form.values.machineType}
            onChange={(name) => form.set('machineType', name)}
            isNamed={known !== undefined}
          />
          <AccessPanel form={form} isChange={known !== undefined} />
          <HealthPanel form={form} />
          <EnvironmentPanel
            key={`env ${version}`}
            env={form.values.env ?? {}}
            onChange={(env) => form.set('env', env)}
            error={form.errors['env']}
          />
          <MorePanel key={`more ${version}`} form={form} />
        </div>
        <Side state={state} isNew={known === undefined}>
          {buttons}
        </Side>
      </form>
    </>
  )
}

function Side({ state, isNew, children }: { state: State; isNew: boolean; children: ReactNode }): ReactNode {
  const { sending } = state
  return (
    <div className="stack job-form-side">
      {sending.now && <ProgressPanel state={sending.now} onCancel={sending.cancel} />}
      <ErrorNote error={sending.error} />
      <TextPanel
        document={state.document}
        line={state.line}
        fileLine={isNew ? 'deploy -f deployment.yaml' : 'deployment update NAME -f deployment.yaml'}
        read={readDocument}
        onPaste={state.fill}
        label="A line of nabla deploy, YAML or JSON"
        placeholder={'nabla deploy iris@champion --instances 2'}
      />
      <div className="only-phone row">{children}</div>
    </div>
  )
}

/** What is served, and what it is called. */
function ServedPanel({ state, isNew }: { state: State; isNew: boolean }): ReactNode {
  const { form, by, setBy, servedProblem } = state
  const { data } = useApi('project', 'list', { limit: 200 })
  const projects = data?.items.map(({ name }) => name) ?? []
  return (
    <Panel title="What to serve">
      <div className="deployment-form-kind">
        <SegmentedControl
          aria-label="What to serve"
          value={by}
          onChange={setBy}
          data={[
            { value: 'model', label: 'A model' },
            { value: 'command', label: 'A program' },
          ]}
        />
        <div className="job-fields">
          {by === 'model' ? (
            <ModelField state={state} problem={servedProblem} />
          ) : (
            <CommandFields state={state} problem={servedProblem} />
          )}
          <TextInput
            label="Name"
            description="Stands in its address."
            placeholder={by === 'model' ? 'made up' : 'shop'}
            {...form.text('name')}
            autoComplete="off"
            dir="auto"
          />
          {isNew && (
            <Autocomplete
              label="Project"
              description="One that is there, or a new name."
              value={form.values.project ?? ''}
              data={projects}
              onChange={(value) => form.set('project', (value === '' ? undefined : value) as string)}
              error={form.errors['project']}
              autoComplete="off"
            />
          )}
          <TagsInput
            className={isNew ? 'job-wide' : undefined}
            label="Tags"
            {...(!isNew && { description: 'To find it by.' })}
            value={form.values.tags ?? []}
            onChange={(tags) => form.set('tags', tags)}
            error={form.errors['tags']}
            acceptValueOnBlur
          />
        </div>
      </div>
    </Panel>
  )
}

interface FieldProps {
  state: State
  problem: string | undefined
}

/** A model of the repository, its newest version or the one that is named. */
function ModelField({ state: { form }, problem }: FieldProps): ReactNode {
  const { data } = useApi('model', 'list', { limit: 100 })
  const names = (data?.items ?? []).flatMap(({ name, latest, aliases }) => [
    name,
    ...Object.keys(aliases).map((alias) => `${name}@${alias}`),
    ...(latest ? [`${name}:${latest.version}`] : []),
  ])
  const { model } = form.values
  return (
    <Autocomplete
      className="job-wide mono-field"
      label="Model"
      description="A name is its newest version now; name:3 is that version, name@champion the one that the alias leads to."
      placeholder="iris"
      value={model ?? ''}
      data={names}
      limit={50}
      onChange={(value) => form.set('model', value === '' ? null : value)}
      error={problem ?? form.errors['model']}
      autoComplete="off"
      spellCheck={false}
    />
  )
}

function CommandFields({ state: { form }, problem }: FieldProps): ReactNode {
  const { port } = form.values
  return (
    <>
      <Textarea
        className="job-wide job-command-field mono-field"
        label="Command"
        description="It listens on $PORT, or on the port below."
        placeholder="uvicorn app:app --host 0.0.0.0 --port $PORT"
        value={form.values.command ?? ''}
        onChange={({ currentTarget: { value } }) => form.set('command', value === '' ? null : value)}
        error={problem ?? form.errors['command']}
        spellCheck={false}
        autoCapitalize="off"
      />
      <TextInput
        label="Image"
        description="A container image; host: this machine."
        placeholder="host"
        {...form.text('image')}
        spellCheck={false}
        autoComplete="off"
      />
      <TextInput
        label="Port"
        description="Only if the program cannot listen on $PORT."
        placeholder="$PORT"
        inputMode="numeric"
        value={port == null || Number.isNaN(port) ? '' : String(port)}
        onChange={({ currentTarget: { value } }) => form.set('port', value === '' ? null : Number(value))}
        error={form.errors['port']}
        autoComplete="off"
      />
    </>
  )
}
