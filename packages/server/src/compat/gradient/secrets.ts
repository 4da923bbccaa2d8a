import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { clusterId } from './clusters.ts'
import { optional } from './fields.ts'
import { allPages } from './pages.ts'
import { type Exchange, gradientRoute } from './route.ts'

const query = z.object({ clusterId: optional, projectId: optional })
const scopes = ['teams', 'clusters', 'projects'] as const

/** Secrets of the team, of a project, or of the cluster, which is the team here as well. Values are never told. */
export const secretRoutes = scopes.flatMap((scope) => [
  ...gradientRoute('GET', `/${scope}/secrets`, query, async (exchange) => {
    const project = projectOf(exchange, scope)
    const found = await allPages((page) => exchange.call('secret', 'list', { ...page, ...project }))
    const own = found.filter((one) => ('project' in project ? one.project !== null : one.project === null))
    return own.map(({ name }) => ({ name }))
  }),
  ...gradientRoute('PUT', `/${scope}/secrets/:name`, query.extend({ value: z.string() }), async (exchange) => {
    const { call, params, input } = exchange
    await call('secret', 'set', { name: params['name']!, ...projectOf(exchange, scope), body: { value: input.value } })
    return {}
  }),
  ...gradientRoute('DELETE', `/${scope}/secrets/:name`, query, async (exchange) => {
    const { call, params } = exchange
    await call('secret', 'delete', { name: params['name']!, ...projectOf(exchange, scope) })
    return {}
  }),
])

function projectOf({ input }: Exchange<z.output<typeof query>>, scope: (typeof scopes)[number]): { project?: string } {
  if (scope === 'clusters' && input.clusterId !== undefined && input.clusterId !== clusterId) {
    throw new AppError('not_found', { noun: 'cluster', id: input.clusterId })
  }
  if (scope !== 'projects') return {}
  if (input.projectId === undefined) throw new AppError('invalid', { detail: 'Say of which project: give --id.' })
  return { project: input.projectId }
}
