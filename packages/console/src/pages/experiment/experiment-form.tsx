import { Button } from '@mantine/core'
import type { Experiment } from '@nabla/api/experiment'
import type { ReactNode } from 'react'
import type { SchemaForm } from '../../parts/form.ts'
import { PageHeader } from '../../parts/page-header.tsx'
import { ErrorNote } from '../../parts/states.tsx'
import { TextPanel } from '../../parts/text-panel.tsx'
import { EnvironmentPanel } from '../job/job-form-env.tsx'
import type { jobFields } from '../job/job-form-body.ts'
import { MachinePanel } from '../job/job-form-machine.tsx'
import { advanced, MoreFields } from '../job/job-form-more.tsx'
import { ProgressPanel } from '../job/job-form-progress.tsx'
import { SourcePanel } from '../job/job-form-sources.tsx'
import { RolesPanel } from './experiment-form-roles.tsx'
import { WhatPanel } from './experiment-form-what.tsx'
import { KindPanel, useSample } from './experiment-kind.tsx'
import { readExperimentText } from './experiment-line.ts'
import { useExperimentForm } from './use-experiment-form.ts'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'
import '../job/job-form.css'
import './experiment.css'

const crumbs = [{ label: 'Experiments', to: '/experiments' }]

/** The builder of experiments; `clone` fills it in from one, whose files it keeps unless told otherwise. */
export function ExperimentForm({ clone }: { clone?: Experiment }): ReactNode {
  const state = useExperimentForm(clone)
  const { kind, files, sending, version } = state
  useSample(state.fill)
  // The fields that both kinds have are those of a job.
  const form = state.form as unknown as SchemaForm<typeof jobFields>
  const busy = sending.now !== undefined
  const buttons = (
    <>
      <Button disabled={busy} onClick={() => void state.submit(false)}>
        Save for later
      </Button>
      <Button type="submit" form="experiment-form" variant="filled" loading={busy}>
        Run
      </Button>
    </>
  )
  return (
    <>
      <PageHeader
        title={clone ? `Clone ${clone.name}` : 'New experiment'}
        crumbs={clone ? [...crumbs, { label: clone.name, to: `/experiments/${clone.id}` }] : crumbs}
        actions={buttons}
      />
      <form
        id="experiment-form"
        noValidate
        className="job-form"
        onSubmit={(event) => {
          event.preventDefault()
          void state.submit(true)
        }}
      >
        <div className="stack job-form-main">
          {!clone && <KindPanel kind={kind} values={form.values} onKind={state.setKind} onSample={state.fill} />}
          <WhatPanel key={`what ${kind}`} form={form} withCommand={kind === 'single'} />
          {kind === 'multi-node' && (
            <RolesPanel
              key={`roles ${version}`}
              scheme={state.form.values.scheme ?? 'pytorch'}
              roles={state.form.values.roles ?? []}
              onScheme={(scheme) => state.form.set('scheme', scheme)}
              onRoles={(roles) => state.form.set('roles', roles)}
              problem={state.form.errors['roles']}
            />
          )}
          <SourcePanel files={files} clone={undefined} problem={state.shownProblem} />
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
            isOpen={advanced.some((name) => Object.hasOwn(state.document, name))}
          />
        </div>
        <Side state={state}>{buttons}</Side>
      </form>
    </>
  )
}

function Side({ state, children }: { state: ReturnType<typeof useExperimentForm>; children: ReactNode }): ReactNode {
  const { sending } = state
  return (
    <div className="stack job-form-side">
      {sending.now && <ProgressPanel state={sending.now} onCancel={sending.cancel} />}
      <ErrorNote error={sending.error} />
      <TextPanel
        document={state.document}
        line={state.line}
        fileLine="experiment run -f experiment.yaml"
        read={readExperimentText}
        onPaste={state.fill}
        label="YAML or JSON of an experiment, or a line of nabla experiment run"
        placeholder={'kind: single\nproject: digits\ncommand: python train.py'}
      />
      <div className="only-phone row">{children}</div>
    </div>
  )
}
