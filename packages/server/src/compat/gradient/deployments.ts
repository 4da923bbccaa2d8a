import type { Deployment, DeploymentState } from '@nabla/api/deployment'
import { z } from 'zod'
import { imageFor } from '../../kinds/image-names.ts'
import { machineTypeFor } from '../../kinds/machine-names.ts'
import { AppError } from '../../lib/app-error.ts'
import { randomText } from '../../lib/ids.ts'
import { clusterId } from './clusters.ts'
import { quoted, specOf } from './deployment-spec.ts'
import { anything, count, inside, nameOf, optional, portsOf, textInside, variablesOf, yes } from './fields.ts'
import { without } from './job-create.ts'
import { metricsAddress } from './metrics-address.ts'
import { allPages } from './pages.ts'
import { type Exchange, gradientRoute } from './route.ts'
import { writeTicket } from './ticket.ts'
import { bucket, workspaceAt } from './workspaces.ts'

/** Deployments as they were asked for before GraphQL. */
const fields = z.object({
  id: optional,
  isRunning: yes.optional(),
  name: optional,
  machineType: optional,
  imageUrl: optional,
  instanceCount: optional,
  modelId: optional,
  projectId: optional,
  containerModelPath: optional,
  dockerArgs: z.array(z.coerce.string()).optional(),
  args: z.array(z.coerce.string()).optional(),
  env: z.unknown().optional(),
  ports: optional,
  oauthKey: optional,
  oauthSecret: optional,
  command: optional,
  workspaceUrl: optional,
  workspaceRef: optional,
  workspaceUsername: optional,
  workspacePassword: optional,
  autoscaling: z
    .object({
      minInstanceCount: count,
      maxInstanceCount: count,
      scaleCooldownPeriod: count,
      metrics: z.array(z.object({ name: z.string(), value: z.coerce.number() })).nullish(),
    })
    .nullish(),
  upd: anything.optional(),
})

type Fields = z.output<typeof fields>

export const deploymentRoutes = [
  ...['/deployments/v2/createDeployment', '/deployments/createDeployment'].flatMap((path) =>
    gradientRoute('POST', path as '/', fields, async (exchange) => ({ deployment: await create(exchange) })),
  ),
  ...['/deployments/v2/updateDeployment', '/deployments/updateDeployment'].flatMap((path) =>
    gradientRoute('POST', path as '/', fields, update),
  ),
  ...gradientRoute('POST', '/deployments/v2/deleteDeployment', fields, async ({ call, input }) => {
    await call('deployment', 'delete', { deployment: input.id ?? '', force: true })
    return {}
  }),
  ...gradientRoute('GET', '/deployments/getDeploymentList', anything, list),
  ...gradientRoute('GET', '/deployments/getPresignedDeploymentUrl', z.unknown(), async ({ caller, deps, origins }) => {
    const key = `workspaces/${randomText(20)}`
    const presignedUrl = `${origins.own}/gradient/workspace/${writeTicket(deps, caller, { for: 'workspace', key })}`
    return { presignedUrl, bucketName: bucket, workspaceUrl: `s3://${bucket}/${key}` }
  }),
]

async function create(exchange: Exchange<Fields>) {
  const { input } = exchange
  if (input.projectId === undefined)
    throw new AppError('invalid', { detail: 'A deployment needs a project: give --projectId.' })
  const body = { ...(await bodyOf(exchange, input)), project: input.projectId, name: nameOf(input.name) }
  return toDeployment(exchange, await exchange.call('deployment', 'create', { body }), null)
}

/** Starts or stops one, or changes what `upd` names: what it does not name stays as it was. */
async function update(exchange: Exchange<Fields>) {
  const { call, input } = exchange
  const deployment = input.id ?? ''
  if (input.upd === undefined) {
    await call('deployment', input.isRunning ? 'start' : 'stop', { deployment })
    return {}
  }
  const changes = fields.parse(input.upd)
  const { spec } = await call('deployment', 'show', { deployment })
  await call('deployment', 'update', { deployment, body: await changesOf(exchange, changes, spec) })
  return {}
}

async function changesOf(exchange: Exchange<Fields>, changes: Fields, now: Deployment['spec']) {
  const { deps } = exchange
  const { imageUrl, modelId, instanceCount } = changes
  const machineType = machineTypeFor(deps, changes.machineType)
  const command = commandOf(changes)
  // The server that is built in takes one model, and runs in no image of others.
  const hasCommand = command !== undefined || now.command !== null
  const image = hasCommand && imageUrl ? imageFor(deps, imageUrl, machineType ?? now.machineType) : undefined
  return without({
    name: nameOf(changes.name),
    machineType,
    command,
    image,
    port: portsOf(changes.ports)[0],
    env: changes.env === undefined ? undefined : variablesOf(changes.env),
    instances: instanceCount === undefined ? undefined : Number(instanceCount),
    autoscaling: scalingOf(changes.autoscaling),
    ...(modelId === undefined ? {} : hasCommand ? { models: modelsOf(changes) } : { model: modelId }),
    ...authOf(changes),
    ...(changes.workspaceUrl === undefined ? {} : { workspace: await workspaceOf(exchange, changes) }),
  })
}

async function bodyOf(exchange: Exchange<Fields>, input: Fields) {
  const spec = specOf(exchange, {
    image: input.imageUrl,
    port: portsOf(input.ports)[0],
    command: commandOf(input),
    models: input.modelId === undefined ? [] : [{ id: input.modelId, path: input.containerModelPath }],
    env: Object.entries(variablesOf(input.env)).map(([name, value]) => ({ name, value })),
    resources: { replicas: Number(input.instanceCount ?? 1), instanceType: input.machineType, machineType: undefined },
    healthChecks: undefined,
    healthchecks: undefined,
  })
  const autoscaling = without({ autoscaling: scalingOf(input.autoscaling) })
  return { ...spec, ...autoscaling, ...authOf(input), workspace: await workspaceOf(exchange, input) }
}

/** A command, or the words of one. */
function commandOf({ command, dockerArgs, args }: Fields): string | undefined {
  const words = dockerArgs ?? args ?? []
  return command ?? (words.length > 0 ? words.map(quoted).join(' ') : undefined)
}

const modelsOf = ({ modelId, containerModelPath: path }: Fields) =>
  modelId === undefined ? [] : [{ model: modelId, ...(path === undefined ? {} : { path }) }]

const authOf = ({ oauthKey: username, oauthSecret: password }: Fields) =>
  username === undefined || password === undefined ? {} : { auth: { kind: 'basic' as const, username, password } }

function workspaceOf(exchange: Exchange<Fields>, given: Fields) {
  const { workspaceUrl: url, workspaceRef: ref, workspaceUsername: username, workspacePassword: password } = given
  return workspaceAt(exchange, { url, ref, username, password })
}

/** As it was asked for then, by the processor; the clients always send an object. Throws AppError `invalid`. */
function scalingOf(given: Fields['autoscaling']) {
  const { minInstanceCount: min = 1, maxInstanceCount: max, scaleCooldownPeriod: cooldownSeconds } = given ?? {}
  const measures = given?.metrics ?? []
  if (max === undefined && measures.length === 0) return undefined
  const cpu = measures.find(({ name }) => name === 'cpu')
  if (max !== undefined && cpu) {
    return { min, max, metric: 'cpu' as const, target: cpu.value, ...without({ cooldownSeconds }) }
  }
  const detail = `Autoscaling goes by the processor here: give --maxInstanceCount and --resource cpu/targetAverage:60.`
  throw new AppError('invalid', { detail })
}

async function list(exchange: Exchange<Record<string, unknown>>) {
  const { call, input } = exchange
  const and = inside(input, 'filter', 'where', 'and')
  const where: unknown = Object.assign({}, ...(Array.isArray(and) ? (and as object[]) : []))
  const project = textInside(where, 'projectId')
  const id = textInside(where, 'id')
  const state = textInside(where, 'state')
  const model = textInside(where, 'modelId')
  const tags = [input['tagFilter'] ?? []].flat().map(String)
  const rows = await allPages((page) => call('deployment', 'list', { ...page, ...(project ? { project } : {}) }))
  const wanted = rows
    .filter((row) => id === undefined || row.id === id)
    .filter((row) => state === undefined || states[row.state] === state)
    .filter((row) => tags.every((tag) => row.tags.includes(tag)))
  const found = await Promise.all(wanted.map((row) => call('deployment', 'show', { deployment: row.id })))
  const own = found.filter((one) => model === undefined || one.models.some((used) => used.id === model))
  const address = await metricsAddress(exchange)
  return {
    deploymentList: own.map((one) => toDeployment(exchange, one, address)),
    total: own.length,
    displayTotal: own.length,
    runningTotal: own.filter((one) => one.state === 'running').length,
  }
}

const states: Record<DeploymentState, string> = {
  stopped: 'Stopped',
  starting: 'Starting',
  running: 'Running',
  degraded: 'Running',
  updating: 'Running',
  sleeping: 'Running',
  failed: 'Error',
  stopping: 'Stopping',
}

function toDeployment({ origins }: Exchange, one: Deployment, metricsURL: string | null) {
  return {
    id: one.id,
    name: one.name,
    state: states[one.state],
    error: one.reason,
    projectId: one.project.id,
    modelId: one.models[0]?.id ?? null,
    deploymentType: one.spec.command === null ? 'TFServing' : 'Custom',
    imageUrl: one.spec.image,
    machineType: one.spec.machineType,
    instanceCount: one.instances.wanted,
    runningCount: one.instances.ready,
    endpoint: `${origins.own}${one.path}`,
    command: one.spec.command,
    env: one.spec.env,
    ports: one.spec.port === null ? null : String(one.spec.port),
    clusterId,
    metricsURL,
    tags: one.tags,
    startedByUserId: one.createdBy.id,
    isDeleted: false,
    dtCreated: one.createdAt,
    dtModified: one.updatedAt,
    dtStarted: one.startedAt,
  }
}
