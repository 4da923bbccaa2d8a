import { z } from 'zod'
import { compatRoute } from '../site.ts'
import { findRun } from '../../kinds/run/find.ts'
import { key, offsetOf, oneOrMore, pageToken, runId, step } from './fields.ts'
import { presentMetric } from './present.ts'

const bulkRuns = 100

/** Values of metrics over time, all or thinned. */
export const metricRoutes = [
  compatRoute(
    'GET',
    '/mlflow/metrics/get-history',
    z.object({
      run_id: runId,
      metric_key: key,
      page_token: pageToken,
      max_results: z.coerce.number().int().min(1).max(100_000).optional(),
    }),
    async ({ caller, input }, deps) => {
      const run = await findRun(deps, caller, input.run_id)
      const offset = offsetOf(input.page_token)
      // Clients that name no bound read no further page either.
      const limit = input.max_results ?? Number.MAX_SAFE_INTEGER
      const { points, count } = await deps.tracking.history(run.id, input.metric_key, offset, limit)
      const end = offset + points.length
      return {
        metrics: points.map((point) => presentMetric(input.metric_key, point)),
        ...(end < count ? { next_page_token: String(end) } : {}),
      }
    },
  ),
  compatRoute(
    'GET',
    '/mlflow/metrics/get-history-bulk',
    z.object({
      run_id: oneOrMore(bulkRuns).optional(),
      run_ids: oneOrMore(bulkRuns).optional(),
      metric_key: key,
      max_results: z.coerce.number().int().min(1).max(25_000).default(25_000),
    }),
    async ({ caller, input }, deps) => {
      const metrics: Record<string, unknown>[] = []
      for (const id of input.run_ids ?? input.run_id ?? []) {
        const run = await findRun(deps, caller, id)
        const left = input.max_results - metrics.length
        if (left === 0) break
        const { points } = await deps.tracking.history(run.id, input.metric_key, 0, left)
        metrics.push(...points.map((point) => ({ ...presentMetric(input.metric_key, point), run_id: run.id })))
      }
      return { metrics }
    },
  ),
  compatRoute(
    'GET',
    '/mlflow/metrics/get-history-bulk-interval',
    z.object({
      run_ids: oneOrMore(bulkRuns),
      metric_key: key,
      start_step: step.optional(),
      end_step: step.optional(),
      max_results: z.coerce.number().int().min(1).max(2500).default(320),
    }),
    async ({ caller, input }, deps) => {
      const metrics: Record<string, unknown>[] = []
      for (const id of input.run_ids) {
        const run = await findRun(deps, caller, id)
        const range = { from: input.start_step, to: input.end_step, points: input.max_results }
        const curve = await deps.tracking.curve(run.id, input.metric_key, { axis: 'step', ...range })
        for (const [step, at, , value] of curve?.points ?? []) {
          metrics.push({ ...presentMetric(input.metric_key, { step, at, value }), run_id: run.id })
        }
      }
      return { metrics }
    },
  ),
]
