import { runStates, type RunState } from '@nabla/api/run'
import { z } from 'zod'
import type { CompatRequest } from '../site.ts'
import { compatRoute } from '../site.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { setState } from '../../kinds/run.ts'
import { parseFilter, parseOrder } from '../../kinds/run/filter.ts'
import { findOpenRun, findRun } from '../../kinds/run/find.ts'
import { logTo } from '../../kinds/run/log.ts'
import { makeRun } from '../../kinds/run/make.ts'
import { pageOfRuns, selectRuns } from '../../kinds/run/select.ts'
import { findTracked } from '../../kinds/run/tracked-project.ts'
import { experimentId, pageToken, runId, tagList, timestamp, toMap, viewType } from './fields.ts'
import { presentRun, presentRuns } from './present.ts'

/** Older clients call it `run_uuid`. */
const byRun = z.object({ run_id: runId })

const create = z.object({
  experiment_id: experimentId.default('0'),
  run_name: z.string().max(500).optional(),
  start_time: timestamp.optional(),
  tags: tagList,
})

const search = z.object({
  experiment_ids: z.array(experimentId).max(1000).default([]),
  filter: z.string().max(6000).default(''),
  run_view_type: viewType,
  max_results: z.coerce.number().int().min(1).max(50_000).default(1000),
  order_by: z.array(z.string().max(1000)).max(20).default([]),
  page_token: pageToken,
})

const status = z.enum(Object.keys(runStates).map((state) => state.toUpperCase()) as [string, ...string[]])

export const runRoutes = [
  compatRoute('POST', '/mlflow/runs/create', create, createRun),
  compatRoute('GET', '/mlflow/runs/get', byRun, async ({ caller, input }, deps) => {
    const { id } = await findRun(deps, caller, input.run_id)
    await deps.tracking.settle([id])
    return { run: await presentRun(deps.db, id) }
  }),
  compatRoute(
    'POST',
    '/mlflow/runs/update',
    byRun.extend({
      status: status.optional(),
      end_time: timestamp.optional(),
      run_name: z.string().max(500).optional(),
    }),
    async ({ caller, input }, deps) => {
      const { id } = await findOpenRun(deps, caller, input.run_id)
      if (input.status !== undefined) await setState(deps, id, input.status.toLowerCase() as RunState, input.end_time)
      if (input.run_name) {
        await logTo(
          deps,
          { id },
          { points: [], params: new Map(), labels: new Map([['mlflow.runName', input.run_name]]) },
        )
      }
      return { run_info: (await presentRun(deps.db, id)).info }
    },
  ),
  compatRoute('POST', '/mlflow/runs/delete', byRun, (request, deps) => setDeleted(request, deps, true)),
  compatRoute('POST', '/mlflow/runs/restore', byRun, (request, deps) => setDeleted(request, deps, false)),
  compatRoute('POST', '/mlflow/runs/search', search, searchRuns),
]

async function createRun({ caller, input }: CompatRequest<z.output<typeof create>>, deps: Deps) {
  const project = await findTracked(deps, caller, input.experiment_id)
  if (project.deleted) {
    throw new AppError('invalid', { detail: `The experiment ${project.name} is deleted; restore it first.` })
  }
  const labels = toMap(input.tags)
  const row = await makeRun(deps, caller, {
    projectId: project.id,
    name: input.run_name || labels.get('mlflow.runName') || undefined,
    parentRunId: labels.get('mlflow.parentRunId'),
    startedMs: input.start_time,
    labels,
    source: 'mlflow',
  })
  return { run: await presentRun(deps.db, row.id) }
}

async function searchRuns({ caller, input }: CompatRequest<z.output<typeof search>>, deps: Deps) {
  const projectIds: string[] = []
  for (const id of input.experiment_ids) projectIds.push((await findTracked(deps, caller, id)).id)
  if (projectIds.length === 0) return { runs: [] }
  await deps.tracking.settle()
  const deleted = { ACTIVE_ONLY: 'no', DELETED_ONLY: 'only', ALL: 'all' } as const
  const runs = selectRuns(deps.db, caller.teamId, {
    projectIds,
    conditions: parseFilter(input.filter),
    deleted: deleted[input.run_view_type],
  })
  const after = input.page_token || undefined
  const { ids, next } = await pageOfRuns(runs, input.order_by.map(parseOrder), { limit: input.max_results, after })
  return { runs: await presentRuns(deps.db, ids), ...(next === null ? {} : { next_page_token: next }) }
}

async function setDeleted({ caller, input }: CompatRequest<z.output<typeof byRun>>, deps: Deps, deleted: boolean) {
  const { id } = await findRun(deps, caller, input.run_id)
  const deletedAt = deleted ? toIso(deps.clock.now()) : null
  await deps.db.updateTable('runs').set({ deletedAt }).where('id', '=', id).execute()
  return {}
}
