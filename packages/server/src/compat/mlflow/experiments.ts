import { z } from 'zod'
import type { CompatRequest } from '../site.ts'
import { compatRoute } from '../site.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { fromIso } from '../../lib/clock.ts'
import { type Condition, parseFilter, parseOrder } from '../../kinds/run/filter.ts'
import {
  findTracked,
  findTrackedByName,
  listTracked,
  makeTracked,
  type TrackedProject,
  updateTracked,
} from '../../kinds/run/tracked-project.ts'
import { artifactUri } from './present.ts'
import { experimentId, key, offsetOf, pageToken, tagList, tagValue, viewType } from './fields.ts'

/** MLflow's experiments: the projects of the team. */
const byId = z.object({ experiment_id: experimentId })
const search = z.object({
  max_results: z.coerce.number().int().min(1).max(50_000).default(1000),
  page_token: pageToken,
  filter: z.string().max(6000).default(''),
  order_by: z.union([z.string().transform((one) => [one]), z.array(z.string())]).default([]),
  view_type: viewType,
})

export const experimentRoutes = [
  compatRoute(
    'POST',
    '/mlflow/experiments/create',
    z.object({ name: z.string().min(1).max(500), tags: tagList }),
    async ({ caller, input }, deps) => {
      const labels = Object.fromEntries(input.tags.map(({ key, value }) => [key, value]))
      return { experiment_id: await makeTracked(deps, caller, input.name, labels) }
    },
  ),
  compatRoute('GET', '/mlflow/experiments/get', byId, async ({ caller, input }, deps) => ({
    experiment: present(await findTracked(deps, caller, input.experiment_id)),
  })),
  compatRoute(
    'GET',
    '/mlflow/experiments/get-by-name',
    z.object({ experiment_name: z.string().min(1).max(500) }),
    async ({ caller, input }, deps) => {
      const found = await findTrackedByName(deps.db, caller.teamId, input.experiment_name)
      if (!found) throw new AppError('not_found', { noun: 'experiment', id: input.experiment_name })
      return { experiment: present(found) }
    },
  ),
  compatRoute('GET', '/mlflow/experiments/search', search, searchExperiments),
  compatRoute('POST', '/mlflow/experiments/search', search, searchExperiments),
  compatRoute(
    'POST',
    '/mlflow/experiments/update',
    byId.extend({ new_name: z.string().min(1).max(500) }),
    async ({ caller, input }, deps) => {
      const project = await findTracked(deps, caller, input.experiment_id)
      await updateTracked(deps, caller.teamId, project, { name: input.new_name })
      return {}
    },
  ),
  compatRoute('POST', '/mlflow/experiments/delete', byId, (request, deps) => setDeleted(request, deps, true)),
  compatRoute('POST', '/mlflow/experiments/restore', byId, (request, deps) => setDeleted(request, deps, false)),
  compatRoute(
    'POST',
    '/mlflow/experiments/set-experiment-tag',
    byId.extend({ key, value: tagValue.default('') }),
    async ({ caller, input }, deps) => {
      const project = await findTracked(deps, caller, input.experiment_id)
      await updateTracked(deps, caller.teamId, project, { labels: { ...project.labels, [input.key]: input.value } })
      return {}
    },
  ),
  compatRoute('POST', '/mlflow/experiments/delete-experiment-tag', byId.extend({ key }), async (request, deps) => {
    const { caller, input } = request
    const project = await findTracked(deps, caller, input.experiment_id)
    const { [input.key]: _, ...labels } = project.labels
    await updateTracked(deps, caller.teamId, project, { labels })
    return {}
  }),
]

async function setDeleted({ caller, input }: CompatRequest<z.output<typeof byId>>, deps: Deps, deleted: boolean) {
  const project = await findTracked(deps, caller, input.experiment_id)
  await updateTracked(deps, caller.teamId, project, { deleted })
  return {}
}

async function searchExperiments({ caller, input }: CompatRequest<z.output<typeof search>>, deps: Deps) {
  const conditions = parseFilter(input.filter)
  const all = await listTracked(deps.db, caller.teamId)
  const found = all
    .filter(({ deleted }) => input.view_type === 'ALL' || deleted === (input.view_type === 'DELETED_ONLY'))
    .filter((project) => conditions.every((condition) => matches(project, condition)))
  for (const order of input.order_by.map(parseOrder).toReversed()) {
    const sign = order.descending ? -1 : 1
    const read = (project: TrackedProject) =>
      order.subject.name === 'run_name' ? project.name : timeOf(project, order.subject.name)
    found.sort((a, b) => (read(a) < read(b) ? -sign : read(a) > read(b) ? sign : 0))
  }
  const offset = offsetOf(input.page_token)
  const end = offset + input.max_results
  return {
    experiments: found.slice(offset, end).map(present),
    ...(end < found.length ? { next_page_token: String(end) } : {}),
  }
}

const timeOf = (project: TrackedProject, name: string): number =>
  fromIso(name === 'end_time' ? project.updatedAt : project.createdAt)

function matches(project: TrackedProject, { subject, operator, value }: Condition): boolean {
  if (subject.of === 'attribute' && subject.name.endsWith('_time')) {
    return compareNumbers(timeOf(project, subject.name), operator, Number(value))
  }
  const isName = subject.of === 'attribute' && subject.name === 'run_name'
  if (!isName && subject.of !== 'label') {
    throw new AppError('bad_filter', { reason: 'experiments are found by name, creation_time and tags' })
  }
  const text = isName ? project.name : project.labels[subject.name]
  if (operator === 'null') return text === undefined
  if (text === undefined) return false
  if (operator === 'in') return (value as string[]).includes(text)
  if (operator === 'not in') return !(value as string[]).includes(text)
  if (operator === 'like') return fits(text, String(value))
  if (operator === 'ilike') return fits(text.toLowerCase(), String(value).toLowerCase())
  return operator === 'not null' || (text === value) === (operator === '=')
}

function compareNumbers(one: number, operator: Condition['operator'], other: number): boolean {
  if (operator === '=') return one === other
  if (operator === '!=') return one !== other
  if (operator === '<' || operator === '<=') return operator === '<' ? one < other : one <= other
  return operator === '>' ? one > other : one >= other
}

/** Whether a text fits a pattern of SQL; takes time with the lengths of both, whatever they are. */
function fits(text: string, pattern: string): boolean {
  let [at, place, star, mark] = [0, 0, -1, 0]
  while (at < text.length) {
    if (pattern[place] === '%') {
      star = place
      mark = at
      place += 1
    } else if (pattern[place] === '_' || (place < pattern.length && pattern[place] === text[at])) {
      place += 1
      at += 1
    } else if (star < 0) return false
    else {
      // The last star takes one character more.
      place = star + 1
      mark += 1
      at = mark
    }
  }
  return /^%*$/.test(pattern.slice(place))
}

function present(project: TrackedProject): Record<string, unknown> {
  return {
    experiment_id: project.id,
    name: project.name,
    artifact_location: artifactUri(project.id),
    lifecycle_stage: project.deleted ? 'deleted' : 'active',
    creation_time: fromIso(project.createdAt),
    last_update_time: fromIso(project.updatedAt),
    tags: Object.entries(project.labels).map(([key, value]) => ({ key, value })),
  }
}
