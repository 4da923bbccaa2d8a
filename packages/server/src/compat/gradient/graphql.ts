import type { Deployment, DeploymentInstance } from '@nabla/api/deployment'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { clusterId } from './clusters.ts'
import { readSpec, specOf } from './deployment-spec.ts'
import { anything, nameOf, optional, textInside } from './fields.ts'
import { allPages } from './pages.ts'
import { type Exchange, gradientBytes } from './route.ts'

const request = z.object({ query: z.string().max(100_000), variables: anything.nullish() })

const given = z.object({
  id: optional,
  name: optional,
  projectId: optional,
  spec: z.unknown().optional(),
})

/**
 * Deployments, for clients that ask by GraphQL. They send five texts, which this tells apart by the field that they ask
 * for; the answer has all that any of them selects. Errors are told in the way of GraphQL.
 */
export const graphqlRoutes = gradientBytes(
  { method: 'POST', path: '/graphql', bytes: true, maxBodyBytes: 1024 * 1024, input: z.unknown() },
  async (exchange) => {
    try {
      const chunks: Buffer[] = []
      for await (const chunk of exchange.upload) chunks.push(chunk as Buffer)
      const parsed = request.safeParse(parseJson(Buffer.concat(chunks).toString('utf8')))
      if (!parsed.success) throw new AppError('invalid', { detail: 'The body is no query of GraphQL.' })
      const field = /\{\s*(\w+)\s*\(/.exec(parsed.data.query)?.[1] ?? ''
      const resolve = fields[field]
      if (!resolve) throw new AppError('invalid', { detail: `There is no ${field.slice(0, 40) || 'such query'} here.` })
      return { json: { data: { [field]: await resolve(exchange, parsed.data.variables ?? {}) } } }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return { json: { data: null, errors: [{ message: error.message, extensions: { code: error.code } }] } }
    }
  },
)

type Resolve = (exchange: Exchange, variables: Record<string, unknown>) => Promise<unknown>

const fields: Record<string, Resolve> = {
  async createDeployment(exchange, { input }) {
    const { name, projectId, spec } = given.parse(input)
    if (projectId === undefined)
      throw new AppError('invalid', { detail: 'A deployment needs a project: give --projectId.' })
    const body = { ...specOf(exchange, readSpec(spec)), name: nameOf(name), project: projectId }
    return { deployment: { id: (await exchange.call('deployment', 'create', { body })).id } }
  },
  async updateDeployment(exchange, { input }) {
    const { id, name, spec } = given.parse(input)
    const { call } = exchange
    const deployment = id ?? ''
    const changes = spec === undefined || spec === null ? {} : specOf(exchange, readSpec(spec))
    const made = await call('deployment', 'update', { deployment, body: { ...changes, name: nameOf(name) } })
    if (made.state === 'stopped' && (changes.instances ?? 0) > 0) await call('deployment', 'start', { deployment })
    return { deployment: { id: made.id } }
  },
  async deleteDeployment({ call }, { input }) {
    const deployment = textInside(input, 'id') ?? ''
    await call('deployment', 'delete', { deployment, force: true })
    return { deployment: { id: deployment } }
  },
  async deployment(exchange, { id }) {
    const found = await exchange.call('deployment', 'show', { deployment: String(id) }).catch(none)
    return found ? toDeployment(exchange, found) : null
  },
  async deployments(exchange, variables) {
    return { nodes: await Promise.all((await listed(exchange, variables)).map((one) => toDeployment(exchange, one))) }
  },
  async modelDeployments(exchange, variables) {
    return { nodes: await Promise.all((await listed(exchange, variables)).map((one) => toDeployment(exchange, one))) }
  },
}

async function listed({ call }: Exchange, variables: Record<string, unknown>): Promise<Deployment[]> {
  const project = textInside(variables, 'projectId')
  const name = textInside(variables, 'name')
  const rows = await allPages((page) => call('deployment', 'list', { ...page, ...(project ? { project } : {}) }))
  const wanted = rows.filter((row) => name === undefined || row.name === name)
  return Promise.all(wanted.slice(0, 200).map(({ id }) => call('deployment', 'show', { deployment: id })))
}

function none(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'not_found') return undefined
  throw error
}

async function toDeployment({ call, origins }: Exchange, one: Deployment) {
  const { items } = await call('deployment', 'instances', { deployment: one.id })
  const { spec } = one
  const data = {
    image: spec.image,
    port: spec.port,
    command: spec.command === null ? null : [spec.command],
    env: Object.entries(spec.env).map(([name, value]) => ({ name, value })),
    models: one.models.map(({ id, path }) => ({ id, path })),
    resources: { instanceType: spec.machineType ?? items[0]?.machineType ?? null, replicas: one.instances.wanted },
  }
  const run = {
    id: `${one.id}-${one.revision}`,
    replicas: one.instances.wanted,
    readyReplicas: one.instances.ready,
    availableReplicas: one.instances.ready,
    deploymentRunInstances: { nodes: items.filter(({ state }) => state !== 'ended').map(toInstance) },
  }
  const node = {
    id: `${one.id}-${one.revision}`,
    dtCreated: one.updatedAt,
    externalApplied: null,
    data,
    endpointUrl: `${origins.own}${one.path}`,
    actor: { avatarUrl: null, fullName: one.createdBy.name, email: '' },
    cluster: { id: clusterId, name: 'nabla', fqdn: '' },
    deployment: { id: one.id, name: one.name },
    deploymentRuns: { nodes: [run] },
  }
  return { id: one.id, name: one.name, dtCreated: one.createdAt, deploymentSpecs: { nodes: [node] } }
}

const toInstance = ({ id, state, startedAt, endedAt }: DeploymentInstance) => ({
  id,
  phase: state,
  dtStarted: startedAt,
  dtFinished: endedAt,
})

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
