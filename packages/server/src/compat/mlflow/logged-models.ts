import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { type CompatRequest, compatRoute } from '../site.ts'
import type { LoggedModelRow } from '../../db/run-tables.ts'
import type { Deps } from '../../deps.ts'
import type { Caller } from '../../kinds/kind.ts'
import { findLoggedModel } from '../../kinds/run/files.ts'
import { findRun } from '../../kinds/run/find.ts'
import { type Condition, parseFilter } from '../../kinds/run/filter.ts'
import { findTracked } from '../../kinds/run/tracked-project.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { experimentId, offsetOf, pageToken, paramList, runId, tagList } from './fields.ts'
import { presentModel } from './present.ts'

const states = ['LOGGED_MODEL_PENDING', 'LOGGED_MODEL_READY', 'LOGGED_MODEL_UPLOAD_FAILED'] as const

const create = z.object({
  experiment_id: experimentId.default('0'),
  name: z.string().max(500).default(''),
  model_type: z.string().max(500).default(''),
  source_run_id: runId.optional(),
  params: paramList,
  tags: tagList,
})

const search = z.object({
  experiment_ids: z.array(experimentId).max(1000).default([]),
  filter: z.string().max(6000).default(''),
  max_results: z.coerce.number().int().min(1).max(1000).default(100),
  page_token: pageToken,
})

const path = '/mlflow/logged-models/:model'

/** Models that runs log: their files and what is known of them, before anybody registers one. */
export const loggedModelRoutes = [
  compatRoute('POST', '/mlflow/logged-models', create, createModel),
  compatRoute('POST', '/mlflow/logged-models/search', search, searchModels),
  compatRoute('GET', path, z.unknown(), async ({ caller, params }, deps) => ({
    model: presentModel(await findLoggedModel(deps, caller, params['model']!)),
  })),
  compatRoute('PATCH', path, z.object({ status: z.enum(states) }), async ({ caller, params, input }, deps) =>
    update(deps, caller, params, () => ({ state: input.status })),
  ),
  compatRoute('DELETE', path, z.unknown(), async ({ caller, params }, deps) => {
    await update(deps, caller, params, () => ({ deletedAt: toIso(deps.clock.now()) }))
    return {}
  }),
  compatRoute('POST', `${path}/params`, z.object({ params: paramList }), async ({ caller, params, input }, deps) =>
    update(deps, caller, params, (row) => ({ params: added(row.params, input.params) })),
  ),
  compatRoute('PATCH', `${path}/tags`, z.object({ tags: tagList }), async ({ caller, params, input }, deps) =>
    update(deps, caller, params, (row) => ({ labels: added(row.labels, input.tags) })),
  ),
  compatRoute('DELETE', `${path}/tags/:tag`, z.unknown(), async ({ caller, params }, deps) =>
    update(deps, caller, params, (row) => {
      const { [params['tag']!]: _, ...labels } = JSON.parse(row.labels) as Record<string, string>
      return { labels: JSON.stringify(labels) }
    }),
  ),
]

const added = (text: string, list: readonly { key: string; value: string }[]): string =>
  JSON.stringify({
    ...(JSON.parse(text) as object),
    ...Object.fromEntries(list.map(({ key, value }) => [key, value])),
  })

async function createModel({ caller, input }: CompatRequest<z.output<typeof create>>, deps: Deps) {
  const project = await findTracked(deps, caller, input.experiment_id)
  const run = input.source_run_id === undefined ? null : await findRun(deps, caller, input.source_run_id)
  const now = toIso(deps.clock.now())
  const id = `m-${randomBytes(16).toString('hex')}`
  const row: LoggedModelRow = {
    id,
    teamId: caller.teamId,
    projectId: project.id,
    runId: run?.id ?? null,
    name: input.name === '' ? id : input.name,
    type: input.model_type,
    state: 'LOGGED_MODEL_PENDING',
    params: added('{}', input.params),
    labels: added('{}', input.tags),
    volumeId: null,
    createdBy: caller.userId,
    createdAt: now,
    updatedAt: now,
    deletedAt: null,
  }
  await deps.db.insertInto('loggedModels').values(row).execute()
  return { model: presentModel(row) }
}

async function update(
  deps: Deps,
  caller: Caller,
  params: Record<string, string>,
  change: (row: LoggedModelRow) => Partial<LoggedModelRow>,
) {
  const row = await findLoggedModel(deps, caller, params['model']!)
  const changes = { ...change(row), updatedAt: toIso(deps.clock.now()) }
  await deps.db.updateTable('loggedModels').set(changes).where('id', '=', row.id).execute()
  return { model: presentModel({ ...row, ...changes }) }
}

async function searchModels({ caller, input }: CompatRequest<z.output<typeof search>>, deps: Deps) {
  const projectIds: string[] = []
  for (const id of input.experiment_ids) projectIds.push((await findTracked(deps, caller, id)).id)
  if (projectIds.length === 0) return { models: [] }
  const offset = offsetOf(input.page_token)
  let rows = deps.db
    .selectFrom('loggedModels')
    .selectAll()
    .where('teamId', '=', caller.teamId)
    .where('projectId', 'in', projectIds)
    .where('deletedAt', 'is', null)
  for (const condition of parseFilter(input.filter)) {
    const [column, value] = columnOf(condition)
    rows = rows.where(column, condition.operator === '!=' ? '!=' : '=', value)
  }
  const found = await rows
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .offset(offset)
    .limit(input.max_results + 1)
    .execute()
  const more = found.length > input.max_results
  return {
    models: found.slice(0, input.max_results).map(presentModel),
    ...(more ? { next_page_token: String(offset + input.max_results) } : {}),
  }
}

/** Models are found by few things: the rest of the language is for runs. */
function columnOf({ subject, operator, value }: Condition): ['name' | 'runId' | 'state', string] {
  if (subject.of === 'attribute' && (operator === '=' || operator === '!=') && typeof value === 'string') {
    if (subject.name === 'run_name') return ['name', value]
    if (subject.name === 'run_id') return ['runId', value]
    if (subject.name === 'status') return ['state', value.startsWith('LOGGED_MODEL_') ? value : `LOGGED_MODEL_${value}`]
  }
  throw new AppError('bad_filter', { reason: 'logged models are found by name, source_run_id and status alone' })
}
