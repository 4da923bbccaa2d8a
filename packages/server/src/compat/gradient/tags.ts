import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { anything, listOf } from './fields.ts'
import { type Exchange, gradientRoute } from './route.ts'

/** What can have tags, by the names of Gradient: how they are read and replaced. */
const entities: Record<
  string,
  { read(x: Exchange, id: string): Promise<string[]>; write(x: Exchange, id: string, tags: string[]): Promise<unknown> }
> = {
  project: {
    read: async ({ call }, project) => (await call('project', 'show', { project })).tags,
    write: ({ call }, project, tags) => call('project', 'update', { project, body: { tags } }),
  },
  job: {
    read: async ({ call }, job) => (await call('job', 'show', { job })).tags,
    write: ({ call }, job, tags) => call('job', 'update', { job, body: { tags } }),
  },
  experiment: {
    read: async ({ call }, experiment) => (await call('experiment', 'show', { experiment })).tags,
    write: ({ call }, experiment, tags) => call('experiment', 'update', { experiment, body: { tags } }),
  },
  notebook: {
    read: async ({ call }, notebook) => (await call('notebook', 'show', { notebook })).tags,
    write: ({ call }, notebook, tags) => call('notebook', 'update', { notebook, body: { tags } }),
  },
  deployment: {
    read: async ({ call }, deployment) => (await call('deployment', 'show', { deployment })).tags,
    write: ({ call }, deployment, tags) => call('deployment', 'update', { deployment, body: { tags } }),
  },
  workflow: {
    read: async ({ call }, workflow) => (await call('workflow', 'show', { workflow })).tags,
    write: ({ call }, workflow, tags) => call('workflow', 'update', { workflow, body: { tags } }),
  },
  mlModel: {
    read: async ({ call }, model) => (await call('model', 'show', { model })).tags,
    write: ({ call }, model, tags) => call('model', 'update', { model, body: { tags } }),
  },
}

/** Tags are read, joined by the client and replaced: a thing with tags must be in the answer, or they are kept. */
export const tagRoutes = [
  ...gradientRoute('GET', '/entityTags/getTags', anything, async (exchange) => {
    const entity = entityOf(exchange.input['entity'])
    const ids = [...listOf(exchange.input, 'entityIds'), ...listOf(exchange.input, 'entityId')]
    const found = await Promise.all(ids.map(async (id) => [id, await entity.read(exchange, id)] as const))
    return Object.fromEntries(found.map(([id, tags]) => [id, tags.map((name) => ({ tag: { name } }))]))
  }),
  ...gradientRoute(
    'PUT',
    '/entityTags/updateTags',
    z.object({ entity: z.string(), entityId: z.string(), tags: z.array(z.string()).default([]) }),
    async (exchange) => {
      const { entity, entityId, tags } = exchange.input
      await entityOf(entity).write(exchange, entityId, tags)
      return tags.map((name) => ({ tag: { name } }))
    },
  ),
]

function entityOf(name: unknown) {
  const entity = entities[String(name)]
  if (entity) return entity
  throw new AppError('invalid', { detail: `There are no tags of ${String(name).slice(0, 40)} here.` })
}
