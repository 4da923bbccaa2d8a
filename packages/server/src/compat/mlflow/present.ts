import { valueOf } from '@nabla/api/run'
import type { LoggedModelRow, RunRow } from '../../db/run-tables.ts'
import type { Db } from '../../deps.ts'
import { fromIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { Point } from '../../tracking/tracking-store.ts'

/** Rows as messages of MLflow: https://github.com/mlflow/mlflow/blob/master/mlflow/protos/service.proto */

type KeyValue = { key: string; value: string }

export interface MlflowRun {
  info: Record<string, unknown>
  data: { metrics: object[]; params: KeyValue[]; tags: KeyValue[] }
  inputs: { dataset_inputs: unknown[]; model_inputs: unknown[] }
  outputs: { model_outputs: unknown[] }
}

/** Runs with all they have logged, in the order of `ids`. */
export async function presentRuns(db: Db, ids: readonly string[]): Promise<MlflowRun[]> {
  const runs: MlflowRun[] = []
  for (let from = 0; from < ids.length; from += limits.planBatch) {
    runs.push(...(await presentPage(db, ids.slice(from, from + limits.planBatch))))
  }
  return runs
}

export async function presentRun(db: Db, id: string): Promise<MlflowRun> {
  const [run] = await presentRuns(db, [id])
  return run!
}

async function presentPage(db: Db, ids: readonly string[]): Promise<MlflowRun[]> {
  const rows = await db
    .selectFrom('runs')
    .innerJoin('users', 'users.id', 'runs.createdBy')
    .selectAll('runs')
    .select('users.name as userName')
    .where('runs.id', 'in', ids)
    .execute()
  const runs = new Map(rows.map((row) => [row.id, emptyRun(row)]))
  const params = await db.selectFrom('runParams').selectAll().where('runId', 'in', ids).orderBy('name').execute()
  for (const { runId, name, value } of params) runs.get(runId)?.data.params.push({ key: name, value })
  const labels = await db.selectFrom('runLabels').selectAll().where('runId', 'in', ids).orderBy('name').execute()
  for (const { runId, name, value } of labels) {
    if (!ownTags.has(name)) runs.get(runId)?.data.tags.push({ key: name, value })
  }
  const metrics = await db
    .selectFrom('runMetrics')
    .select(['runId', 'name', 'value', 'step', 'at'])
    .where('runId', 'in', ids)
    .orderBy('name')
    .execute()
  for (const { runId, name, value, step, at } of metrics) {
    runs.get(runId)?.data.metrics.push(presentMetric(name, { value: value ?? Number.NaN, step, at }))
  }
  const inputs = await db.selectFrom('runInputs').selectAll().where('runId', 'in', ids).execute()
  for (const { runId, about } of inputs) addInput(runs.get(runId), JSON.parse(about) as InputAbout)
  return ids.flatMap((id) => runs.get(id) ?? [])
}

/** What `runInputs` hold: a dataset as MLflow describes it, or a model that was read or made. */
export type InputAbout =
  | { kind: 'dataset'; input: unknown }
  | { kind: 'model-input'; modelId: string }
  | { kind: 'model-output'; modelId: string; step: number }

function addInput(run: MlflowRun | undefined, about: InputAbout): void {
  if (!run) return
  if (about.kind === 'dataset') run.inputs.dataset_inputs.push(about.input)
  else if (about.kind === 'model-input') run.inputs.model_inputs.push({ model_id: about.modelId })
  else run.outputs.model_outputs.push({ model_id: about.modelId, step: about.step })
}

/** Tags that are columns here. */
const ownTags: ReadonlySet<string> = new Set(['mlflow.runName', 'mlflow.note.content'])

function emptyRun(row: RunRow & { userName: string }): MlflowRun {
  const tags: KeyValue[] = [{ key: 'mlflow.runName', value: row.name }]
  if (row.note !== '') tags.push({ key: 'mlflow.note.content', value: row.note })
  return {
    info: presentInfo(row),
    data: { metrics: [], params: [], tags },
    inputs: { dataset_inputs: [], model_inputs: [] },
    outputs: { model_outputs: [] },
  }
}

export function presentInfo(row: RunRow & { userName: string }): Record<string, unknown> {
  return {
    run_id: row.id,
    run_uuid: row.id,
    run_name: row.name,
    experiment_id: row.projectId,
    user_id: row.userName,
    status: row.state.toUpperCase(),
    start_time: fromIso(row.startedAt),
    ...(row.endedAt === null ? {} : { end_time: fromIso(row.endedAt) }),
    artifact_uri: artifactUri(row.id),
    lifecycle_stage: row.deletedAt === null ? 'active' : 'deleted',
  }
}

/** Clients put the address of the server in place of the scheme. */
export const artifactUri = (ownerId: string): string => `mlflow-artifacts:/${ownerId}`

export function presentMetric(key: string, { value, step, at }: Point): Record<string, unknown> {
  return { key, value: valueOf(value), timestamp: at, step }
}

export function presentModel(row: LoggedModelRow): Record<string, unknown> {
  const pairs = (text: string) =>
    Object.entries(JSON.parse(text) as Record<string, string>).map(([key, value]) => ({ key, value }))
  return {
    info: {
      model_id: row.id,
      experiment_id: row.projectId,
      name: row.name,
      creation_timestamp_ms: fromIso(row.createdAt),
      last_updated_timestamp_ms: fromIso(row.updatedAt),
      artifact_uri: artifactUri(row.id),
      status: row.state,
      model_type: row.type,
      ...(row.runId === null ? {} : { source_run_id: row.runId }),
      tags: pairs(row.labels),
      registrations: [],
    },
    data: { params: pairs(row.params), metrics: [] },
  }
}
