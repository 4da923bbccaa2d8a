import type { Deployment, DeploymentState } from '@nabla/api/deployment'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { randomText } from '../../lib/ids.ts'
import { clusterId } from './clusters.ts'
import { specOf } from './deployment-spec.ts'
import { anything, inside, nameOf, optional, portsOf, textInside, variablesOf, yes } from './fields.ts'
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

/** Starts or stops one, or changes what `upd` names. */
async function update(exchange: Exchange<Fields>) {
  const { call, input } = exchange
  const deployment = input.id ?? ''
  if (input.upd === undefined) {
    await call('deployment', input.isRunning ? 'start' : 'stop', { deployment })
    return {}
  }
  const changes = fields.parse(input.upd)
  const now = await call('deployment', 'show', { deployment })
  const body = await bodyOf(exchange, {
    ...changes,
    // What runs is made of several fields: those that are not named stay as they were.
    modelId: changes.modelId ?? now.spec.model ?? undefined,
    command: changes.command ?? now.spec.command ?? undefined,
    instanceCount: changes.instanceCount ?? String(now.spec.instances),
  })
  const { env, workspace, image, ...rest } = body
  await call('deployment', 'update', {
    deployment,
    body: {
      ...rest,
      ...(changes.env === undefined ? {} : { env }),
      ...(changes.workspaceUrl === undefined ? {} : { workspace }),
      ...(changes.imageUrl === undefined ? {} : { image }),
      name: nameOf(changes.name),
    },
  })
  return {}
}

async function bodyOf(exchange: Exchange, input: Fields) {
  const words = input.dockerArgs ?? input.args ?? []
  const command = input.command ?? (words.length > 0 ? words : undefined)
  const { workspaceUrl: url, workspaceRef: ref, workspaceUsername: username, workspacePassword: password } = input
  const model = input.modelId === undefined ? [] : [{ id: input.modelId, path: input.containerModelPath }]
  const spec = specOf(exchange, {
    image: input.imageUrl,
    port: portsOf(input.ports)[0],
    command,
    models: model,
    env: Object.entries(variablesOf(input.env)).map(([name, value]) => ({ name, value })),
    resources: { replicas: Number(input.instanceCount ?? 1), instanceType: input.machineType, machineType: undefined },
    healthChecks: undefined,
    healthchecks: undefined,
  })
  const auth =
    input.oauthKey === undefined || input.oauthSecret === undefined
      ? {}
      : { auth: { kind: 'basic' as const, username: input.oauthKey, password: input.oauthSecret } }
  return { ...spec, ...auth, workspace: await workspaceAt(exchange, { url, ref, username, password }) }
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
