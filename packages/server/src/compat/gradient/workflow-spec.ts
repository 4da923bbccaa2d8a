import { type WorkflowInputs, workflowInputs, type WorkflowSpec, workflowSpec } from '@nabla/api/workflow-spec'
import { imageFor } from './containers.ts'
import { datasetReference } from './dataset-names.ts'
import { machineTypeFor } from '../../kinds/machine-names.ts'
import type { Exchange } from './route.ts'

type Job = WorkflowSpec['jobs'][string]

/** A workflow of Gradient as one of this server: machine types, images and versions of data by the names they have here. */
export async function specFor(exchange: Exchange, given: unknown): Promise<WorkflowSpec> {
  const parsed = workflowSpec.safeParse(given)
  // What cannot be read is refused by whoever runs it, with what is wrong.
  if (!parsed.success) return given as WorkflowSpec
  const spec = parsed.data
  const usual = machineOf(exchange, spec.defaults?.resources)
  const jobs: [string, Job][] = []
  for (const [name, job] of Object.entries(spec.jobs)) jobs.push([name, await jobFor(exchange, job, usual)])
  const { resources: _, ...defaults } = spec.defaults ?? {}
  return {
    ...spec,
    ...(spec.inputs && { inputs: await declared(exchange, spec.inputs) }),
    defaults: { ...defaults, ...(usual === undefined ? {} : { resources: { 'instance-type': usual } }) },
    jobs: Object.fromEntries(jobs),
  }
}

/** What a run is given for its inputs, with versions of data by the names they have here. */
export async function inputsFor(exchange: Exchange, given: unknown): Promise<WorkflowInputs> {
  const parsed = workflowInputs.safeParse(given ?? {})
  if (!parsed.success) return given as WorkflowInputs
  const inputs: WorkflowInputs = {}
  for (const [name, input] of Object.entries(parsed.data)) {
    const said = typeof input === 'object' && 'with' in input ? input.with : input
    const reference = typeof said === 'object' && !('value' in said) ? (said.ref ?? said.id) : undefined
    inputs[name] = reference === undefined ? input : { ref: await versionFor(exchange, reference) }
  }
  return inputs
}

async function jobFor(exchange: Exchange, job: Job, usual: string | undefined): Promise<Job> {
  const own = machineOf(exchange, job.resources)
  const inputs: NonNullable<Job['inputs']> = {}
  for (const [name, input] of Object.entries(job.inputs ?? {})) {
    const reference =
      typeof input === 'object' && input.type === 'dataset' ? (input.with.ref ?? input.with.id) : undefined
    inputs[name] =
      reference === undefined ? input : { type: 'dataset', with: { ref: await versionFor(exchange, reference) } }
  }
  const more = {
    ...(job.inputs && { inputs }),
    ...(own === undefined ? {} : { resources: { 'instance-type': own } }),
  }
  switch (job.uses) {
    case 'container@v1':
      return { ...job, ...more, with: { ...job.with, image: imageFor(exchange.deps, job.with.image, own ?? usual) } }
    case 'script@v1':
      return { ...job, ...more, with: { ...job.with, image: imageFor(exchange.deps, job.with.image, own ?? usual) } }
    case 'git-checkout@v1':
    case 's3-download@v1':
    case 'create-model@v1':
      return { ...job, ...more }
    default:
      return job satisfies never
  }
}

async function declared(exchange: Exchange, inputs: NonNullable<WorkflowSpec['inputs']>) {
  const named: NonNullable<WorkflowSpec['inputs']> = {}
  for (const [name, input] of Object.entries(inputs)) {
    const reference = input.type === 'dataset' ? (input.with?.ref ?? input.with?.id) : undefined
    named[name] =
      reference === undefined ? input : { type: 'dataset', with: { ref: await versionFor(exchange, reference) } }
  }
  return named
}

const machineOf = (
  { deps }: Exchange,
  resources: NonNullable<WorkflowSpec['defaults']>['resources'],
): string | undefined => machineTypeFor(deps, resources?.['instance-type'])

/** Only a version may have another name here; whether there is such a dataset is for the run to say. */
async function versionFor(exchange: Exchange, reference: string): Promise<string> {
  return reference.includes(':') ? datasetReference(exchange, reference) : reference
}
