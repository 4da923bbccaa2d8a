import { runLimits } from '@nabla/api/run'
import { z } from 'zod'
import { compatRoute } from '../site.ts'
import { inTransaction } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import type { Caller } from '../../kinds/kind.ts'
import { findOpenRun } from '../../kinds/run/find.ts'
import { logTo } from '../../kinds/run/log.ts'
import { limits } from '../../lib/limits.ts'
import { key, metric, paramList, paramValue, runId, step, tagList, tagValue, toMap } from './fields.ts'
import type { InputAbout } from './present.ts'

const nothing = { points: [], params: new Map<string, string>(), labels: new Map<string, string>() }
const byRun = z.object({ run_id: runId })

const dataset = z.object({
  name: z.string().max(500),
  digest: z.string().max(100),
  source_type: z.string().max(500).default(''),
  source: z.string().max(65_535).default(''),
  schema: z.string().max(1_048_575).optional(),
  profile: z.string().max(16_777_215).optional(),
})

const modelReference = z.object({ model_id: z.string().max(200), step: step.default(0) })

/** What programs send while they run: each is on the disk before it is answered. */
export const loggingRoutes = [
  compatRoute('POST', '/mlflow/runs/log-metric', byRun.extend(metric.shape), async ({ caller, input }, deps) => {
    const run = await findOpenRun(deps, caller, input.run_id)
    await logTo(deps, run, { ...nothing, points: [pointOf(input, deps.clock.now())] })
    return {}
  }),
  {
    ...compatRoute(
      'POST',
      '/mlflow/runs/log-batch',
      byRun.extend({
        metrics: z.array(metric).max(runLimits.valuesPerRequest).default([]),
        params: paramList,
        tags: tagList,
      }),
      async ({ caller, input }, deps) => {
        const run = await findOpenRun(deps, caller, input.run_id)
        const now = deps.clock.now()
        const points = input.metrics.map((one) => pointOf(one, now))
        await logTo(deps, run, { points, params: toMap(input.params), labels: toMap(input.tags) })
        return {}
      },
    ),
    maxBodyBytes: limits.trackingBodyBytes,
  },
  compatRoute(
    'POST',
    '/mlflow/runs/log-parameter',
    byRun.extend({ key, value: paramValue.default('') }),
    async ({ caller, input }, deps) => {
      const run = await findOpenRun(deps, caller, input.run_id)
      await logTo(deps, run, { ...nothing, params: new Map([[input.key, input.value]]) })
      return {}
    },
  ),
  compatRoute(
    'POST',
    '/mlflow/runs/set-tag',
    byRun.extend({ key, value: tagValue.default('') }),
    async ({ caller, input }, deps) => {
      const run = await findOpenRun(deps, caller, input.run_id)
      await logTo(deps, run, { ...nothing, labels: new Map([[input.key, input.value]]) })
      return {}
    },
  ),
  compatRoute('POST', '/mlflow/runs/delete-tag', byRun.extend({ key }), async ({ caller, input }, deps) => {
    const run = await findOpenRun(deps, caller, input.run_id)
    await deps.db.deleteFrom('runLabels').where('runId', '=', run.id).where('name', '=', input.key).execute()
    return {}
  }),
  {
    ...compatRoute(
      'POST',
      '/mlflow/runs/log-inputs',
      byRun.extend({
        datasets: z
          .array(z.object({ tags: tagList, dataset }))
          .max(100)
          .default([]),
        models: z.array(modelReference).max(100).default([]),
      }),
      async ({ caller, input }, deps) => {
        const datasets = input.datasets.map(({ tags, dataset }) => ({
          name: dataset.name,
          digest: dataset.digest,
          about: { kind: 'dataset', input: { tags, dataset } } satisfies InputAbout,
        }))
        const models = input.models.map(({ model_id: modelId }) => ({
          name: modelId,
          digest: 'model-input',
          about: { kind: 'model-input', modelId } satisfies InputAbout,
        }))
        await keepInputs(deps, caller, input.run_id, [...datasets, ...models])
        return {}
      },
    ),
    maxBodyBytes: limits.trackingBodyBytes,
  },
  compatRoute(
    'POST',
    '/mlflow/runs/outputs',
    byRun.extend({ models: z.array(modelReference).max(1000).default([]) }),
    async ({ caller, input }, deps) => {
      const models = input.models.map(({ model_id: modelId, step }) => ({
        name: modelId,
        digest: 'model-output',
        about: { kind: 'model-output', modelId, step } satisfies InputAbout,
      }))
      await keepInputs(deps, caller, input.run_id, models)
      return {}
    },
  ),
  {
    // What older clients say of a model whose files they put beside the run: a tag, as MLflow itself keeps it.
    ...compatRoute(
      'POST',
      '/mlflow/runs/log-model',
      byRun.extend({ model_json: z.string().max(1_000_000) }),
      async ({ caller, input }, deps) => {
        const run = await findOpenRun(deps, caller, input.run_id)
        await logTo(deps, run, { ...nothing, labels: new Map([['mlflow.log-model.history', `[${input.model_json}]`]]) })
        return {}
      },
    ),
    maxBodyBytes: limits.trackingBodyBytes,
  },
]

function pointOf(given: z.output<typeof metric>, now: number) {
  return { name: given.key, step: given.step, at: given.timestamp ?? now, value: given.value }
}

async function keepInputs(
  deps: Deps,
  caller: Caller,
  reference: string,
  inputs: readonly { name: string; digest: string; about: InputAbout }[],
): Promise<void> {
  const run = await findOpenRun(deps, caller, reference)
  if (inputs.length === 0) return
  const rows = inputs.map(({ name, digest, about }) => ({ runId: run.id, name, digest, about: JSON.stringify(about) }))
  const byKey = new Map(rows.map((row) => [`${row.name} ${row.digest}`, row]))
  await inTransaction(deps.db, (trx) =>
    trx
      .insertInto('runInputs')
      .values([...byKey.values()])
      .onConflict((c) =>
        c.columns(['runId', 'name', 'digest']).doUpdateSet((eb) => ({ about: eb.ref('excluded.about') })),
      )
      .execute(),
  )
}
