import { expressionFaults } from './workflow-expression.ts'
import { cycleIn } from './workflow-graph.ts'
import type { WorkflowJobInput, WorkflowJobSpec, WorkflowSpec } from './workflow-spec.ts'

/** What is wrong with a workflow, and where. */
export interface WorkflowFault {
  path: (string | number)[]
  message: string
}

/** Bounds of one workflow; beyond them a file is refused with a sentence. */
export const workflowLimits = { jobs: 100, inputs: 30, outputs: 20, stringBytes: 65_536 } as const

/** What is wrong with a workflow whose form is right: names that are nowhere, circles, outputs that do not fit. */
export function checkWorkflow(spec: WorkflowSpec): WorkflowFault[] {
  const names = Object.keys(spec.jobs)
  if (names.length === 0) return [{ path: ['jobs'], message: 'there is no job in it' }]
  if (names.length > workflowLimits.jobs)
    return [{ path: ['jobs'], message: `there are more than ${workflowLimits.jobs} jobs in it` }]
  const faults = [
    ...Object.entries(spec.inputs ?? {}).flatMap(([name, { type }]) =>
      type === 'volume' ? [{ path: ['inputs', name], message: volumes }] : [],
    ),
    ...names.flatMap((name) => faultsOf(spec, name)),
    ...expressionFaults(spec),
  ]
  if (faults.length > 0) return faults
  const circle = cycleIn(Object.fromEntries(names.map((name) => [name, needsOf(spec.jobs[name]!)])))
  const [first] = circle
  if (first === undefined) return []
  return [{ path: ['jobs', first], message: `it waits for itself: ${[...circle, first].join(' → ')}` }]
}

/** The jobs that must have succeeded before a job begins: those it names, and those whose outputs it reads. */
export function needsOf({ needs, inputs }: WorkflowJobSpec): string[] {
  const read = Object.values(inputs ?? {}).flatMap((input) => {
    const source = typeof input === 'string' ? parseAlias(input) : null
    return source?.job ?? []
  })
  return [...new Set([...[needs ?? []].flat(), ...read])]
}

/** Takes `JOB.outputs.NAME` or `workflow.inputs.NAME` apart; `job` is null for an input of the workflow. */
export function parseAlias(alias: string): { job: string | null; name: string } | null {
  const [owner = '', kind, name = ''] = alias.split('.')
  if (kind === 'outputs') return { job: owner, name }
  return kind === 'inputs' && owner === 'workflow' ? { job: null, name } : null
}

function faultsOf(spec: WorkflowSpec, name: string): WorkflowFault[] {
  const job = spec.jobs[name]!
  const at = ['jobs', name]
  if (name === 'workflow') return [{ path: at, message: 'a job cannot be named `workflow`' }]
  const count = (what: 'inputs' | 'outputs', most: number) =>
    Object.keys(job[what] ?? {}).length > most ? [{ path: [...at, what], message: `there are more than ${most}` }] : []
  return [
    ...needsFaults(spec, name, job),
    ...count('inputs', workflowLimits.inputs),
    ...count('outputs', workflowLimits.outputs),
    ...Object.entries(job.inputs ?? {}).flatMap(([input, value]) =>
      inputFaults(spec, name, value, [...at, 'inputs', input]),
    ),
    ...actionFaults(spec, job, at),
  ]
}

function needsFaults({ jobs }: WorkflowSpec, name: string, { needs }: WorkflowJobSpec): WorkflowFault[] {
  return [needs ?? []].flat().flatMap((needed, index) => {
    const path = ['jobs', name, 'needs', ...(Array.isArray(needs) ? [index] : [])]
    if (needed === name) return [{ path, message: 'a job cannot need itself' }]
    if (Object.hasOwn(jobs, needed)) return []
    return [{ path, message: `there is no job ${needed}, only ${listOf(Object.keys(jobs))}` }]
  })
}

const volumes = 'a volume comes from a job that has it as output: write `JOB.outputs.NAME`'

function inputFaults(
  spec: WorkflowSpec,
  own: string,
  input: WorkflowJobInput,
  path: WorkflowFault['path'],
): WorkflowFault[] {
  if (typeof input === 'string') return aliasFaults(spec, own, input, path)
  return input.type === 'volume' ? [{ path, message: volumes }] : []
}

function aliasFaults(spec: WorkflowSpec, own: string, alias: string, path: WorkflowFault['path']): WorkflowFault[] {
  const source = parseAlias(alias)
  if (!source) return [{ path, message: 'inputs come from `workflow.inputs.NAME` or from `JOB.outputs.NAME`' }]
  const { job, name } = source
  if (job === null) {
    if (Object.hasOwn(spec.inputs ?? {}, name)) return []
    const known = Object.keys(spec.inputs ?? {})
    return [
      { path, message: `the workflow has no input ${name}${known.length > 0 ? `; it has ${listOf(known)}` : ''}` },
    ]
  }
  if (job === own) return [{ path, message: 'a job cannot read its own outputs' }]
  const maker = Object.hasOwn(spec.jobs, job) ? spec.jobs[job] : undefined
  if (!maker) return [{ path, message: `there is no job ${job}, only ${listOf(Object.keys(spec.jobs))}` }]
  const output = Object.hasOwn(maker.outputs ?? {}, name) ? maker.outputs?.[name] : undefined
  if (!output) {
    const known = Object.keys(maker.outputs ?? {})
    return [{ path, message: `${job} has no output ${name}${known.length > 0 ? `; it has ${listOf(known)}` : ''}` }]
  }
  if (output.type === 'model') return [{ path, message: `${alias} is a model, which no job can read as input` }]
  return []
}

function actionFaults(spec: WorkflowSpec, job: WorkflowJobSpec, at: string[]): WorkflowFault[] {
  const outputs = Object.entries(job.outputs ?? {})
  switch (job.uses) {
    case 'container@v1':
      if (job.with.command !== undefined || job.with.args !== undefined) return []
      return [
        { path: [...at, 'with'], message: 'it says nothing to run: give `args`, such as [bash, -c, "echo hello"]' },
      ]
    case 'script@v1':
      return []
    case 'git-checkout@v1':
    case 's3-download@v1': {
      const message = pathFault(job)
      return message === null ? [] : [{ path: job.with.path === undefined ? at : [...at, 'with', 'path'], message }]
    }
    case 'create-model@v1': {
      const stray = outputs.find(([, { type }]) => type !== 'string')
      if (stray) {
        return [
          {
            path: [...at, 'outputs', stray[0]],
            message: 'create-model@v1 has one output, a string: the id of the model',
          },
        ]
      }
      if (outputs.length > 1) return [{ path: [...at, 'outputs'], message: 'create-model@v1 has one output' }]
      return filesInput(spec, job) === null
        ? [{ path: at, message: 'create-model@v1 needs an input `model` that is a dataset or a volume' }]
        : []
    }
    default:
      return job satisfies never
  }
}

/** The output that a fetching action fills, and the folder in it. Null: it cannot be told. */
export function fetchTarget(job: Extract<WorkflowJobSpec, { with: { path?: unknown } }>): {
  output: string
  folder: string
} | null {
  const outputs = Object.entries(job.outputs ?? {}).filter(([, { type }]) => type === 'dataset' || type === 'volume')
  const { path } = job.with
  if (path === undefined) return outputs.length === 1 ? { output: outputs[0]![0], folder: '' } : null
  const [root, output = '', ...folder] = path.split('/').filter(Boolean)
  if (root !== 'outputs' || folder.includes('..') || !outputs.some(([name]) => name === output)) return null
  return { output, folder: folder.filter((part) => part !== '.').join('/') }
}

function pathFault(job: Extract<WorkflowJobSpec, { with: { path?: unknown } }>): string | null {
  if (fetchTarget(job) !== null) return null
  return job.with.path === undefined
    ? 'it fills exactly one output that is a volume or a dataset; where there are several, say which with `path`'
    : 'the path is `/outputs/NAME`, or a folder in it, of an output that is a volume or a dataset'
}

/** The input of files that a model is made of: the one named `model`, else the only one. Null: there is none. */
export function filesInput(spec: WorkflowSpec, job: WorkflowJobSpec): string | null {
  const files = Object.entries(job.inputs ?? {}).filter(([, input]) => {
    if (typeof input !== 'string') return input.type === 'dataset'
    const source = parseAlias(input)
    if (!source) return false
    const type =
      source.job === null ? spec.inputs?.[source.name]?.type : spec.jobs[source.job]?.outputs?.[source.name]?.type
    return type === 'dataset' || type === 'volume'
  })
  const named = files.find(([name]) => name === 'model')
  return named?.[0] ?? (files.length === 1 ? files[0]![0] : null)
}

function listOf(names: readonly string[]): string {
  const some = names.slice(0, 10).join(', ')
  return names.length > 10 ? `${some}, …` : some
}
