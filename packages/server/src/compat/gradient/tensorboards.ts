import type { Tensorboard } from '@nabla/api/tensorboard'
import { z } from 'zod'
import { changeExperiments } from '../../kinds/tensorboard/sources.ts'
import { clusterId } from './clusters.ts'
import { allPages } from './pages.ts'
import { type Exchange, gradientRoute } from './route.ts'

const handles = z.array(z.string()).max(100).default([])

export const tensorboardRoutes = [
  ...gradientRoute('POST', '/tensorboards/v1', z.object({ experiments: handles }), async (exchange) => {
    const { call, input } = exchange
    return answer(exchange, await call('tensorboard', 'create', { body: { experiments: input.experiments } }))
  }),
  ...gradientRoute('GET', '/tensorboards/v1', z.unknown(), async (exchange) => {
    const found = await allPages((page) => exchange.call('tensorboard', 'list', page))
    return { message: 'success', data: found.map((one) => toTensorboard(exchange, one)) }
  }),
  ...gradientRoute('GET', '/tensorboards/v1/:id', z.unknown(), async (exchange) =>
    answer(exchange, await exchange.call('tensorboard', 'show', { tensorboard: exchange.params['id']! })),
  ),
  ...gradientRoute(
    'PUT',
    '/tensorboards/v1/:id',
    z.object({ added_experiments: handles, removed_experiments: handles }),
    async (exchange) => {
      const { call, caller, deps, params, input } = exchange
      const tensorboard = params['id']!
      const changes = { added: input.added_experiments, removed: input.removed_experiments }
      await changeExperiments(deps, caller, tensorboard, changes)
      const now = await call('tensorboard', 'show', { tensorboard })
      // Shown anew, one that runs shows what is new.
      if (now.address !== null && now.state === 'running') await call('tensorboard', 'open', { tensorboard, body: {} })
      return answer(exchange, now)
    },
  ),
  ...gradientRoute('DELETE', '/tensorboards/v1/:id', z.unknown(), async ({ call, params }) => {
    await call('tensorboard', 'delete', { tensorboard: params['id']! })
    return { message: 'success' }
  }),
]

const answer = (exchange: Exchange, one: Tensorboard) => ({ message: 'success', data: toTensorboard(exchange, one) })

function toTensorboard({ origins }: Exchange, one: Tensorboard) {
  return {
    id: one.id,
    image: 'tensorflow/tensorflow',
    url: one.address ?? origins.own,
    state: one.state,
    experiments: one.experiments.map(({ id }) => ({ id, project_id: one.project.id, state: one.state })),
    instance: null,
    username: null,
    password: null,
    cluster_id: clusterId,
    dt_created: one.createdAt,
    dt_deleted: null,
  }
}
