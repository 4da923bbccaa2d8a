import { fetchTarget } from '@nabla/api/workflow-check'
import type { WorkflowOutputSpec, WorkflowSpec } from '@nabla/api/workflow-spec'
import type { WorkflowOutputRow, WorkflowRunRow } from '../../db/workflow-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'

/** Where the files of an output come from. */
export type OutputSource =
  | { from: 'job'; job: string }
  | {
      from: 's3'
      url: string
      username: string
      /** `secret:NAME`. */
      password: string
      folder: string
      endpoint?: string
      region?: string
    }
  /** Nothing fills it. */
  | { from: 'nothing' }
  /** A model is made of what the job reads. */
  | { from: 'input' }

/** What a model is called for whoever reads its id, where the job names no output for that. */
const unnamedModel = 'model-id'

/** Writes down that the outputs of a job are to be put away; the work itself is done beside the loop. */
export async function insertOutputs(
  trx: Trx,
  run: WorkflowRunRow,
  spec: WorkflowSpec,
  step: string,
  jobId: string | null,
  now: number,
): Promise<void> {
  const rows = outputsOf(spec, step, jobId).map(({ name, type, source }): WorkflowOutputRow => {
    return {
      id: newId('workflowOutput'),
      teamId: run.teamId,
      runId: run.id,
      job: step,
      name,
      type,
      state: 'preparing',
      reason: null,
      source: JSON.stringify(source),
      volumeId: null,
      value: null,
      versionId: null,
      modelVersionId: null,
      reference: null,
      digest: null,
      files: 0,
      sizeBytes: 0,
      createdAt: toIso(now),
      endedAt: null,
    }
  })
  if (rows.length > 0) await trx.insertInto('workflowOutputs').values(rows).execute()
}

interface NewOutput {
  name: string
  type: WorkflowOutputSpec['type']
  source: OutputSource
}

function outputsOf(spec: WorkflowSpec, step: string, jobId: string | null): NewOutput[] {
  const job = spec.jobs[step]!
  const named = Object.entries(job.outputs ?? {})
  if (job.uses === 'create-model@v1') {
    return [{ name: named[0]?.[0] ?? unnamedModel, type: 'string', source: { from: 'input' } }]
  }
  const target = job.uses === 's3-download@v1' ? fetchTarget(job) : null
  return named.map(([name, { type }]) => {
    if (job.uses !== 's3-download@v1') return { name, type, source: { from: 'job', job: jobId ?? '' } }
    if (name !== target?.output) return { name, type, source: { from: 'nothing' } }
    const { url, 'access-key': username, 'secret-access-key': password, endpoint, region } = job.with
    const more = { ...(endpoint === undefined ? {} : { endpoint }), ...(region === undefined ? {} : { region }) }
    return { name, type, source: { from: 's3', url, username, password, folder: target.folder, ...more } }
  })
}
