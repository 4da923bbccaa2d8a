import { latestTag } from '@nabla/api/dataset'
import { parseAlias } from '@nabla/api/workflow-check'
import type { WorkflowInputs, WorkflowJobInput, WorkflowSpec } from '@nabla/api/workflow-spec'
import type { WorkflowRunRow } from '../../db/workflow-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { AppError } from '../../lib/app-error.ts'
import { findDataset, findVersion } from '../dataset/find.ts'
import { chooseVersions } from '../dataset/mounts.ts'

/** What an input of a workflow is in a run: chosen when the run was begun. */
export type RunInput = { type: 'string'; value: string } | DatasetInput

interface DatasetInput {
  type: 'dataset'
  datasetId: string
  name: string
  version: number
  digest: string | null
}

export type RunInputs = Record<string, RunInput>

/** What an input of a job is, when that begins. */
export type StepInput = RunInput | { type: 'volume'; volumeId: string; digest: string | null }

type Given = WorkflowInputs[string]
type Declared = NonNullable<WorkflowSpec['inputs']>[string]

/** Chooses what the inputs of a run are. Throws AppError `invalid`, `not_found`, `unknown_version`, `conflict`. */
export async function chooseInputs(
  trx: Trx,
  teamId: string,
  { inputs: declared = {} }: WorkflowSpec,
  given: WorkflowInputs,
): Promise<RunInputs> {
  const stray = Object.keys(given).find((name) => !Object.hasOwn(declared, name))
  if (stray !== undefined) {
    const known = Object.keys(declared).join(', ') || 'none'
    throw new AppError('invalid', { detail: `The workflow has no input ${stray}. Its inputs: ${known}.` })
  }
  const chosen: RunInputs = {}
  for (const [name, input] of Object.entries(declared)) {
    const text = textOf(input, given[name])
    if (text === undefined) {
      const kind = input.type === 'string' ? 'a text' : 'a dataset'
      throw new AppError('invalid', {
        detail: `The run does not say what its input ${name} is (${kind}): give --input ${name}=…`,
      })
    }
    chosen[name] = input.type === 'string' ? { type: 'string', value: text } : await chooseDataset(trx, teamId, text)
  }
  return chosen
}

/** What inputs were, so that another run has the same. */
export function sameInputs(inputs: RunInputs): WorkflowInputs {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [
      name,
      input.type === 'string' ? input.value : { ref: `${input.datasetId}:${input.version}` },
    ]),
  )
}

/** What an input of a job is: by now, all that it comes from is there. Throws AppError. */
export async function readInput(
  trx: Pick<Trx, 'selectFrom'>,
  run: Pick<WorkflowRunRow, 'id' | 'teamId' | 'inputs'>,
  input: WorkflowJobInput,
): Promise<StepInput> {
  if (typeof input !== 'string') {
    if (input.type === 'string') return { type: 'string', value: String(input.with.value) }
    if (input.type === 'volume') throw new AppError('invalid', { detail: 'A volume comes from a job.' })
    return findInput(trx, run.teamId, input.with.ref ?? input.with.id ?? '')
  }
  const source = parseAlias(input)
  if (!source) throw new AppError('invalid', { detail: `${input} is no input.` })
  if (source.job === null) {
    const found = (JSON.parse(run.inputs) as RunInputs)[source.name]
    if (!found) throw new AppError('invalid', { detail: `The workflow has no input ${source.name}.` })
    return found
  }
  return readOutput(trx, run.id, source.job, source.name)
}

async function readOutput(trx: Pick<Trx, 'selectFrom'>, runId: string, job: string, name: string): Promise<StepInput> {
  const row = await trx
    .selectFrom('workflowOutputs')
    .selectAll()
    .where('runId', '=', runId)
    .where('job', '=', job)
    .where('name', '=', name)
    .where('state', '=', 'ready')
    .executeTakeFirst()
  if (!row) throw new AppError('invalid', { detail: `${job} left no output ${name}.` })
  if (row.type === 'string') return { type: 'string', value: row.value ?? '' }
  if (row.type === 'volume') return { type: 'volume', volumeId: row.volumeId ?? '', digest: row.digest }
  const version = await trx
    .selectFrom('datasetVersions')
    .innerJoin('datasets', 'datasets.id', 'datasetVersions.datasetId')
    .select(['datasets.id', 'datasets.name', 'datasetVersions.version', 'datasetVersions.digest'])
    .where('datasetVersions.id', '=', row.versionId ?? '')
    .executeTakeFirst()
  if (!version) throw new AppError('invalid', { detail: `The version that ${job} left as ${name} was deleted.` })
  const { id: datasetId, ...about } = version
  return { type: 'dataset', datasetId, ...about }
}

/** A text, or the reference of a dataset: as the run says, else as the workflow does. */
function textOf(declared: Declared, given: Given | undefined): string | undefined {
  if (given === undefined) {
    if (declared.type === 'volume' || declared.with === undefined) return undefined
    return 'value' in declared.with ? String(declared.with.value) : (declared.with.ref ?? declared.with.id)
  }
  if (typeof given !== 'object') return String(given)
  const said = 'with' in given ? given.with : given
  if ('value' in said) return String(said.value)
  return said.ref ?? said.id
}

async function chooseDataset(trx: Trx, teamId: string, dataset: string): Promise<DatasetInput> {
  const [chosen] = await chooseVersions(trx, teamId, [{ dataset }])
  const { datasetId, name, version, digest } = chosen!
  return { type: 'dataset', datasetId, name, version, digest }
}

async function findInput(trx: Pick<Trx, 'selectFrom'>, teamId: string, reference: string): Promise<DatasetInput> {
  const [named = '', version = latestTag] = reference.split(':')
  const dataset = await findDataset(trx, teamId, named)
  const found = await findVersion(trx, dataset, version)
  return {
    type: 'dataset',
    datasetId: dataset.id,
    name: dataset.name,
    version: found.version,
    digest: found.digest,
  }
}
