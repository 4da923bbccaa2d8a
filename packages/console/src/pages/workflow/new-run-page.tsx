import { Autocomplete, Button, Textarea, TextInput } from '@mantine/core'
import type { Workflow, WorkflowJob, WorkflowRun } from '@nabla/api/workflow'
import { needsOf } from '@nabla/api/workflow-check'
import type { WorkflowSpec } from '@nabla/api/workflow-spec'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useAction } from '../../parts/action.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { plural } from '../../parts/format.ts'
import { PageHeader, Panel } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { ErrorNote, Loaded } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { toYaml } from '../../parts/yaml.ts'
import { type Fault, type ReadSpec, readSpec } from './read-spec.ts'
import { RunGraph } from './run-graph.tsx'
import { runAddress } from './workflow-words.tsx'
import './workflow.css'

/** Runs a file; with `?workflow=ID` in that workflow, begun with what its newest run was, or the one of `&run=N`. */
export function NewRunPage(): ReactNode {
  const [workflow] = useUrlState('workflow')
  const [run] = useUrlState('run')
  return workflow === '' ? <RunForm /> : <Known key={`${workflow} ${run}`} workflow={workflow} run={run} />
}

function Known({ workflow, run }: { workflow: string; run: string }): ReactNode {
  const query = useApi('workflow', 'show', { workflow })
  return (
    <Loaded query={query}>
      {(found) =>
        found.runs === 0 ? (
          <RunForm known={found} />
        ) : (
          <After known={found} number={run === '' ? found.runs : Number(run)} />
        )
      }
    </Loaded>
  )
}

function After({ known, number }: { known: Workflow; number: number }): ReactNode {
  const query = useApi('workflow', 'showRun', { workflow: known.id, number })
  return <Loaded query={query}>{(before) => <RunForm known={known} before={before} />}</Loaded>
}

const example = `jobs:
  prepare:
    uses: script@v1
    with:
      script: |-
        echo "some data" > /outputs/data/file.txt
    outputs:
      data:
        type: dataset
        with:
          ref: prepared
  train:
    uses: script@v1
    inputs:
      data: prepare.outputs.data
    with:
      script: |-
        wc /inputs/data/file.txt
`

interface FormProps {
  known?: Workflow
  before?: WorkflowRun
}

function RunForm({ known, before }: FormProps): ReactNode {
  const state = useRunForm({ ...(known && { known }), ...(before && { before }) })
  const { read, given, setGiven, begin, line, isReady } = state
  const crumbs = [
    { label: 'Workflows', to: '/workflows' },
    ...(known ? [{ label: known.name, to: `/workflows/${known.id}` }] : []),
  ]
  return (
    <>
      <PageHeader
        title={known ? 'New run' : 'New workflow'}
        crumbs={crumbs}
        actions={
          <Button
            type="submit"
            form="workflow-form"
            variant="filled"
            loading={begin.pending}
            disabled={!isReady}
            title={isReady ? `nabla ${line}` : 'It needs a name, a project and a file without mistakes.'}
          >
            Run
          </Button>
        }
      />
      <form
        id="workflow-form"
        className="workflow-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          void state.submit()
        }}
      >
        <div className="stack">
          {!known && <NamePanel state={state} />}
          <FilePanel state={state} />
        </div>
        <div className="stack">
          {read.spec && <Inputs spec={read.spec} given={given} onChange={setGiven} />}
          {read.spec && <Preview spec={read.spec} />}
          <Panel title="The same as a command">
            <CommandLine line={line} />
          </Panel>
          <ErrorNote error={begin.error} />
        </div>
      </form>
    </>
  )
}

type FormState = ReturnType<typeof useRunForm>

function NamePanel({ state: { name, setName, project, setProject } }: { state: FormState }): ReactNode {
  const { data } = useApi('project', 'list', { limit: 200 })
  return (
    <Panel title="Workflow">
      <div className="stack">
        <TextInput
          label="Name"
          value={name}
          onChange={({ currentTarget: { value } }) => setName(value)}
          autoComplete="off"
          dir="auto"
          data-autofocus
        />
        <Autocomplete
          label="Project"
          data={data?.items.map((one) => one.name) ?? []}
          value={project}
          onChange={setProject}
          dir="auto"
        />
      </div>
    </Panel>
  )
}

function FilePanel({ state: { text, setText, read } }: { state: FormState }): ReactNode {
  const area = useRef<HTMLTextAreaElement>(null)
  return (
    <Panel
      title="File"
      actions={
        text === '' && (
          <Button size="compact-xs" onClick={() => setText(example)}>
            Use the example
          </Button>
        )
      }
    >
      <Textarea
        ref={area}
        aria-label="File, in YAML or JSON"
        className="workflow-editor"
        value={text}
        onChange={({ currentTarget: { value } }) => setText(value)}
        autosize
        minRows={16}
        maxRows={32}
        spellCheck={false}
        autoCapitalize="off"
        placeholder={example}
        error={read.faults.length > 0}
        aria-describedby="workflow-faults"
      />
      <Faults faults={read.faults} onGo={(fault) => goTo(area.current, fault.line)} />
    </Panel>
  )
}

function useRunForm({ known, before }: FormProps) {
  const navigate = useNavigate()
  const [name, setName] = useState(known?.name ?? '')
  const [project, setProject] = useState(known?.project.name ?? 'default')
  const [text, setText] = useState(() => (before ? toYaml(before.spec).trimStart() : ''))
  const [given, setGiven] = useState<Record<string, string>>(before?.inputs ?? {})
  const read = useRead(text)
  const { spec } = read
  const inputs = useMemo(() => {
    const declared = Object.keys(spec?.inputs ?? {})
    return Object.fromEntries(declared.flatMap((input) => (given[input] ? [[input, given[input]]] : [])))
  }, [spec, given])
  const begin = useAction({
    async run(wanted: WorkflowSpec) {
      const workflow = known ?? (await client.workflow.create({ body: { name: name.trim(), project: project.trim() } }))
      return client.workflow.run({ workflow: workflow.id, body: { spec: wanted, inputs } })
    },
    done: ({ number }) => `Run ${number} has begun`,
    changes: ['workflow', 'project'],
    quiet: true,
  })
  const submit = async () => {
    if (!spec) return
    const begun = await begin.run(spec)
    if (begun) void navigate({ to: runAddress(begun) as never })
  }
  const flags = Object.entries(inputs).map(([input, value]) => ` --input ${quote(`${input}=${value}`)}`)
  const place = known || project === 'default' ? '' : ` --project ${quote(project)}`
  const line = `workflow run ${quote(name.trim() || 'NAME')} -f flow.yaml${place}${flags.join('')}`
  const isReady = spec !== undefined && name.trim() !== '' && project.trim() !== ''
  return { name, setName, project, setProject, text, setText, read, given, setGiven, begin, submit, line, isReady }
}

/** Reads a text a moment after it was written; what was read last stays meanwhile. */
function useRead(text: string): ReadSpec {
  const [read, setRead] = useState<ReadSpec>({ spec: undefined, faults: [] })
  useEffect(() => {
    let isOld = false
    void readSpec(text).then((found) => {
      if (!isOld) setRead(found)
    })
    return () => {
      isOld = true
    }
  }, [text])
  return read
}

function Faults({ faults, onGo }: { faults: readonly Fault[]; onGo: (fault: Fault) => void }): ReactNode {
  return (
    <ul id="workflow-faults" className="workflow-faults" aria-label="What is wrong" aria-live="polite">
      {faults.map((fault) => (
        <li key={`${fault.line} ${fault.message}`}>
          <button type="button" onClick={() => onGo(fault)}>
            Line {fault.line}
          </button>{' '}
          <span>{fault.message}</span>
        </li>
      ))}
    </ul>
  )
}

/** Marks a line of a text, and brings it into sight. */
function goTo(area: HTMLTextAreaElement | null, line: number): void {
  if (!area) return
  const lines = area.value.split('\n')
  const start = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0)
  area.focus()
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0))
  area.scrollTop = (area.scrollHeight / lines.length) * Math.max(0, line - 4)
}

function Inputs(props: {
  spec: WorkflowSpec
  given: Record<string, string>
  onChange: (given: Record<string, string>) => void
}): ReactNode {
  const { spec, given, onChange } = props
  const inputs = Object.entries(spec.inputs ?? {})
  if (inputs.length === 0) return null
  return (
    <Panel title="Inputs">
      <div className="stack">
        {inputs.map(([name, input]) => {
          const usual =
            input.type === 'volume' || input.with === undefined
              ? ''
              : 'value' in input.with
                ? String(input.with.value)
                : (input.with.ref ?? input.with.id ?? '')
          return (
            <TextInput
              key={name}
              label={name}
              description={input.type === 'dataset' ? 'A dataset: NAME, NAME:VERSION or NAME:TAG.' : 'A text.'}
              placeholder={usual === '' ? 'It has to be given.' : usual}
              value={given[name] ?? ''}
              onChange={({ currentTarget: { value } }) => onChange({ ...given, [name]: value })}
              autoComplete="off"
              spellCheck={false}
              dir="auto"
            />
          )
        })}
      </div>
    </Panel>
  )
}

function waitingJobs(spec: WorkflowSpec): WorkflowJob[] {
  return Object.entries(spec.jobs).map(([name, job]) => ({
    name,
    uses: job.uses,
    needs: needsOf(job),
    state: 'waiting',
    reason: null,
    job: null,
    outputs: [],
    startedAt: null,
    endedAt: null,
  }))
}

/** The graph as it will be. */
function Preview({ spec }: { spec: WorkflowSpec }): ReactNode {
  const [chosen, choose] = useState('')
  const jobs = useMemo(() => waitingJobs(spec), [spec])
  return (
    <Panel title={`Graph of ${plural(jobs.length, 'job')}`} flush>
      <RunGraph jobs={jobs} chosen={chosen} onChoose={choose} />
    </Panel>
  )
}
