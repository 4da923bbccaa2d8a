import type { Experiment, ExperimentSpec, ExperimentState, ExperimentSummary } from '@nabla/api/experiment'
import { z } from 'zod'
import { clusterId } from './clusters.ts'
import { createExperimentOf, experimentFields, experimentTypes } from './experiment-create.ts'
import { anything, listOf } from './fields.ts'
import { allPages } from './pages.ts'
import { type Exchange, gradientRoute } from './route.ts'

/** Two addresses, one store: clients make experiments at either and read them at the second. */
const roots = ['/experiments/v1', '/experiments/v2'] as const

export const experimentRoutes = roots.flatMap((root) => [
  ...gradientRoute('POST', `${root}/experiments`, experimentFields, (exchange) => create(exchange, false)),
  ...gradientRoute('POST', `${root}/experiments/run`, experimentFields, (exchange) => create(exchange, true)),
  ...gradientRoute('POST', `${root}/experiments/create_and_start`, experimentFields, (exchange) =>
    create(exchange, true),
  ),
  ...gradientRoute('POST', `${root}/hyperopt`, experimentFields, (exchange) => create(exchange, false)),
  ...gradientRoute('POST', `${root}/hyperopt/create_and_start`, experimentFields, (exchange) => create(exchange, true)),
  ...gradientRoute('GET', `${root}/experiments`, anything, list),
  ...gradientRoute('GET', `${root}/hyperopt`, anything, async (exchange) => {
    const found = (await detailed(exchange, await all(exchange, undefined))).map(toExperiment)
    const searches = found.filter(({ experimentTypeId }) => experimentTypeId === experimentTypes.hyperparameter)
    return { data: searches, meta: { totalItems: searches.length } }
  }),
  ...['experiments', 'hyperopt'].flatMap((noun) => [
    ...gradientRoute('GET', `${root}/${noun}/:id` as '/', z.unknown(), async ({ call, params }) => ({
      data: toExperiment(await call('experiment', 'show', { experiment: params['id']! })),
      message: 'success',
    })),
    ...gradientRoute('PUT', `${root}/${noun}/:id/start` as '/', z.unknown(), async ({ call, params }) => {
      await call('experiment', 'start', { experiment: params['id']! })
      return { message: 'success' }
    }),
    ...gradientRoute('PUT', `${root}/${noun}/:id/stop` as '/', z.unknown(), async ({ call, params }) => {
      await call('experiment', 'stop', { experiment: params['id']!, body: {} })
      return { message: 'success' }
    }),
    ...gradientRoute('DELETE', `${root}/${noun}/:id` as '/', z.unknown(), async ({ call, deps, params }) => {
      const { id } = await call('experiment', 'show', { experiment: params['id']! })
      await call('experiment', 'delete', { experiment: id, force: true })
      await deps.db.deleteFrom('gradientLogPlaces').where('experimentId', '=', id).execute()
      return { message: 'success' }
    }),
  ]),
])

async function create(exchange: Exchange<z.output<typeof experimentFields>>, start: boolean) {
  const { id } = await createExperimentOf(exchange, start)
  return { handle: id, message: 'success' }
}

/** Pages of all, with the number of all, which the clients count up to; in groups where projects are named. */
async function list(exchange: Exchange<Record<string, unknown>>) {
  const { input } = exchange
  const projects = listOf(input, 'projectHandle')
  const [limit, offset] = [numberIn(input['limit'], 20), numberIn(input['offset'], 0)]
  if (projects.length === 0) {
    const found = await all(exchange, undefined)
    const page = await detailed(exchange, found.slice(offset, offset + limit))
    return { data: page.map(toExperiment), meta: { totalItems: found.length }, message: 'success' }
  }
  const groups = await Promise.all(
    projects.map(async (project) => {
      const found = await all(exchange, project)
      const page = await detailed(exchange, found.slice(offset, offset + limit))
      const meta = { itemGroup: { key: 'projectHandle', value: project }, totalItems: found.length }
      return { data: page.map(toExperiment), meta }
    }),
  )
  const totalItems = Math.max(0, ...groups.map(({ meta }) => meta.totalItems))
  return { data: groups, meta: { totalItems }, message: 'success' }
}

async function all({ call, input }: Exchange<Record<string, unknown>>, project: string | undefined) {
  const tags = listOf(input, 'tag')
  const found = await allPages((page) =>
    call('experiment', 'list', { ...page, ...(project === undefined ? {} : { project }) }),
  )
  return found.filter((one) => one.kind !== 'sweep' && tags.every((tag) => one.tags.includes(tag)))
}

/** Rows of a list with what only one by itself tells. */
const detailed = ({ call }: Exchange, rows: readonly ExperimentSummary[]): Promise<Experiment[]> =>
  Promise.all(rows.map(({ id }) => call('experiment', 'show', { experiment: id })))

const numberIn = (value: unknown, fallback: number): number => {
  const number = Number(value ?? fallback)
  return Number.isSafeInteger(number) && number >= 0 ? number : fallback
}

/** The numbers of states, as the clients name them. */
const states: Record<ExperimentState, number> = {
  created: 10,
  pending: 1,
  provisioning: 11,
  running: 4,
  stopping: 13,
  succeeded: 5,
  failed: 7,
  error: 6,
  cancelled: 8,
}

/**
 * An experiment in the words of Gradient. The clients read what it is made of from `params`, in snake case and merged
 * over the rest, so numbers of states and objects for tags stand beside it, and the project only inside.
 */
function toExperiment(one: Experiment | ExperimentSummary) {
  const spec = 'spec' in one ? one.spec : undefined
  const experimentTypeId = typeOf(one, spec)
  return {
    handle: one.id,
    experimentTypeId,
    state: states[one.state],
    experimentError: one.reason,
    tags: one.tags.map((name) => ({ name })),
    dtCreated: one.createdAt,
    dtModified: one.endedAt ?? one.startedAt ?? one.createdAt,
    dtProvisioningStarted: one.startRequestedAt,
    dtProvisioningFinished: one.startedAt,
    dtStarted: one.startedAt,
    dtFinished: one.endedAt,
    dtStopped: one.endedAt,
    dtDeleted: null,
    started_by_user_id: one.createdBy.id,
    templateHistory: {
      id: one.id,
      dtCreated: one.createdAt,
      dtDeleted: null,
      cliCommand: 'cliCommand' in one ? one.cliCommand : null,
      params: {
        name: one.name,
        project_handle: one.project.id,
        experiment_type_id: experimentTypeId,
        cluster_id: clusterId,
        is_preemptible: false,
        ...(spec ? paramsOf(spec) : { worker_command: 'command' in one ? one.command : undefined }),
      },
    },
  }
}

function typeOf(one: Experiment | ExperimentSummary, spec: ExperimentSpec | undefined): number {
  if (one.kind === 'single') return experimentTypes.single
  if (one.kind === 'sweep') return experimentTypes.hyperparameter
  if (one.scheme === 'mpi') return experimentTypes.mpi
  const hasTuner = spec?.kind === 'multi-node' && spec.roles.some(({ name }) => name === 'tuner')
  return hasTuner ? experimentTypes.hyperparameter : experimentTypes.grpc
}

const prefixes: Record<string, string> = { worker: 'worker', ps: 'parameter_server', master: 'master', tuner: 'tuning' }

function paramsOf(spec: ExperimentSpec): Record<string, unknown> {
  const common = {
    ports: spec.ports.join(','),
    working_directory: spec.workingDir,
    artifact_directory: spec.artifactsDir,
    experiment_env: spec.env,
    workspace_url: spec.workspace.from === 'git' ? spec.workspace.url : null,
    model_type: spec.model?.type ?? null,
    model_path: spec.model ? `${spec.artifactsDir}/${spec.model.path}`.replace(/\/$/, '') : null,
    datasets: [],
  }
  // What one node runs is told as what a worker would.
  const roles =
    spec.kind === 'multi-node'
      ? spec.roles
      : [{ name: 'worker', count: 1, command: spec.command, image: spec.image, machineType: spec.machineType }]
  const own = roles.map(({ name, count, command, image, machineType }) => {
    const prefix = prefixes[name] ?? name
    return {
      [`${prefix}_command`]: command,
      [`${prefix}_container`]: image ?? spec.image,
      [`${prefix}_machine_type`]: machineType ?? spec.machineType,
      [`${prefix}_count`]: count,
    }
  })
  return Object.assign(common, ...own) as Record<string, unknown>
}
