import { type WorkflowInputs, workflowInputs, type WorkflowSpec, workflowSpec } from '@nabla/api/workflow-spec'
import { datasetReference } from './dataset-names.ts'
import type { Exchange } from './route.ts'

type Job = WorkflowSpec['jobs'][string]

/**
 * A workflow of Gradient as one of this server: versions of data by the names they have here. What its machine types and
 * images mean here is found when its jobs are made, as for any workflow.
 */
export async function specFor(exchange: Exchange, given: unknown): Promise<WorkflowSpec> {
  const parsed = workflowSpec.safeParse(given)
  // What cannot be read is refused by whoever runs it, with what is wrong.
  if (!parsed.success) return given as WorkflowSpec
  const spec = parsed.data
  const jobs: [string, Job][] = []
  for (const [name, job] of Object.entries(spec.jobs)) jobs.push([name, await jobFor(exchange, job)])
  return {
    ...spec,
    ...(spec.inputs && { inputs: await declared(exchange, spec.inputs) }),
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

async function jobFor(exchange: Exchange, job: Job): Promise<Job> {
  if (job.inputs === undefined) return job
  const inputs: NonNullable<Job['inputs']> = {}
  for (const [name, input] of Object.entries(job.inputs)) {
    const reference =
      typeof input === 'object' && input.type === 'dataset' ? (input.with.ref ?? input.with.id) : undefined
    inputs[name] =
      reference === undefined ? input : { type: 'dataset', with: { ref: await versionFor(exchange, reference) } }
  }
  return { ...job, inputs }
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

/** Only a version may have another name here; whether there is such a dataset is for the run to say. */
async function versionFor(exchange: Exchange, reference: string): Promise<string> {
  return reference.includes(':') ? datasetReference(exchange, reference) : reference
}
