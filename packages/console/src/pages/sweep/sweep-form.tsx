import { Button } from '@mantine/core'
import type { Experiment } from '@nabla/api/experiment'
import type { SpaceInput } from '@nabla/api/param-text'
import type { ReactNode } from 'react'
import type { SchemaForm } from '../../parts/form.ts'
import { PageHeader } from '../../parts/page-header.tsx'
import { ErrorNote } from '../../parts/states.tsx'
import { TextPanel } from '../../parts/text-panel.tsx'
import { readDocument } from '../experiment/experiment-document.ts'
import { KindPanel, useSample } from '../experiment/experiment-kind.tsx'
import { WhatPanel } from '../experiment/experiment-form-what.tsx'
import type { jobFields } from '../job/job-form-body.ts'
import { EnvironmentPanel } from '../job/job-form-env.tsx'
import { MachinePanel } from '../job/job-form-machine.tsx'
import { advanced, MoreFields } from '../job/job-form-more.tsx'
import { ProgressPanel } from '../job/job-form-progress.tsx'
import { SourcePanel } from '../job/job-form-sources.tsx'
import { GoalPanel, SearchPanel } from './search-panel.tsx'
import { SpacePanel } from './space-panel.tsx'
import { looksLikeHyperopt, looksLikeSweep, readHyperoptText, readSweepLine } from './sweep-line.ts'
import { useSweepForm } from './use-sweep-form.ts'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'
import '../job/job-form.css'
import '../experiment/experiment.css'
import './sweep.css'
import './sweep-form.css'

const nothing = () => undefined

const crumbs = [
  { label: 'Experiments', to: '/experiments' },
  { label: 'Sweeps', to: '/sweeps' },
]

/** The builder of sweeps; `clone` fills it in from one, `warm` begins with what that one found. */
export function SweepForm({ clone, warm = false }: { clone?: Experiment; warm?: boolean }): ReactNode {
  const state = useSweepForm(clone, warm)
  const { files, version, search, issues, rows, document } = state
  useSample(state.fill)
  const form = state.form as unknown as SchemaForm<typeof jobFields>
  const busy = state.sending.now !== undefined
  const buttons = (
    <>
      <Button disabled={busy} onClick={() => void state.submit(false)}>
        Save for later
      </Button>
      <Button type="submit" form="sweep-form" variant="filled" loading={busy}>
        Run
      </Button>
    </>
  )
  return (
    <>
      <PageHeader
        title={clone ? `${warm ? 'Search on from' : 'Clone'} ${clone.name}` : 'New sweep'}
        crumbs={clone ? [...crumbs, { label: clone.name, to: `/sweeps/${clone.id}` }] : crumbs}
        actions={buttons}
      />
      <form
        id="sweep-form"
        noValidate
        className="job-form"
        onSubmit={(event) => {
          event.preventDefault()
          void state.submit(true)
        }}
      >
        <div className="stack job-form-main">
          {!clone && <KindPanel kind="sweep" values={form.values} onKind={nothing} onSample={state.fill} />}
          <WhatPanel form={form} withCommand />
          <CommandHelp names={rows.map(({ name }) => name).filter(Boolean)} command={form.values.command} />
          <SpacePanel rows={rows} onRows={state.setRows} issues={issues} />
          <GoalPanel search={search} onSearch={state.setSearch} issues={issues} />
          <SearchPanel key={`search ${version}`} search={search} onSearch={state.setSearch} issues={issues} />
          <SourcePanel files={files} clone={undefined} problem={state.tried ? files.problem : undefined} />
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
            isOpen={advanced.some((name) => Object.hasOwn(document, name))}
          />
        </div>
        <Side state={state}>{buttons}</Side>
      </form>
    </>
  )
}

function Side({ state, children }: { state: ReturnType<typeof useSweepForm>; children: ReactNode }): ReactNode {
  const { sending } = state
  return (
    <div className="stack job-form-side">
      {sending.now && <ProgressPanel state={sending.now} onCancel={sending.cancel} />}
      <ErrorNote error={sending.error} />
      <TextPanel
        document={state.document}
        line={state.line}
        fileLine="sweep run -f sweep.yaml"
        read={readText}
        onPaste={(read) => ('space' in read ? state.fillSpace(read.space) : state.fill(read.sweep))}
        label="YAML or JSON of a sweep, a line of nabla sweep run, or a search space of hyperopt"
        placeholder={'kind: sweep\ncommand: python train.py {{args}}\nsearch:\n  …'}
      />
      <div className="only-phone row">{children}</div>
    </div>
  )
}

async function readText(text: string): Promise<{ sweep: Record<string, unknown> } | { space: SpaceInput }> {
  if (looksLikeSweep(text)) return { sweep: readSweepLine(text) }
  if (looksLikeHyperopt(text)) return { space: readHyperoptText(text) }
  const document = await readDocument(text)
  if (document['kind'] !== 'sweep') throw new Error('It is an experiment, but no sweep.')
  return { sweep: document }
}

/** How the values come to the program; what is not replaced in the command is told. */
function CommandHelp({ names, command }: { names: readonly string[]; command: string | undefined }): ReactNode {
  if (command === undefined || command === '') {
    return (
      <p className="muted">
        Without a command, programs elsewhere take trials with <code>nabla sweep ask</code> and tell what came out.
      </p>
    )
  }
  const used = [...command.matchAll(/\{\{\s*([\w.-]+)\s*\}\}/g)].map(([, name]) => name ?? '')
  const unknown = used.find((name) => name !== 'args' && !names.includes(name))
  if (unknown !== undefined) {
    return (
      <p className="error-text" role="alert">
        {`{{${unknown}}}`} is none of the parameters below.
      </p>
    )
  }
  return (
    <p className="muted">
      <code>{'{{args}}'}</code> becomes <code>--name=value</code> for all parameters,{' '}
      <code>{`{{${names[0] ?? 'rate'}}}`}</code> the value of one. They are in the environment too, as{' '}
      <code>NABLA_PARAM_{(names[0] ?? 'rate').toUpperCase()}</code>.
    </p>
  )
}
