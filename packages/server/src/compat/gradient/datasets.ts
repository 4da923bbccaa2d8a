import type { Dataset } from '@nabla/api/dataset'
import { latestTag } from '@nabla/api/dataset'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { findDraft, isDraft, numberOf } from './dataset-drafts.ts'
import { anything, modelNameOf, optional, textInside, window } from './fields.ts'
import { allPages } from './pages.ts'
import { type Exchange, gradientRoute } from './route.ts'
import { checkStorageProvider, storageProvider } from './storage-providers.ts'

export const datasetRoutes = [
  ...gradientRoute('GET', '/datasets', anything, async (exchange) => {
    const found = await allPages((page) => exchange.call('dataset', 'list', page))
    return window(exchange.input, sorted(found, exchange.input)).map(toDataset)
  }),
  ...gradientRoute(
    'POST',
    '/datasets',
    z.object({ name: z.string(), description: optional, storageProviderId: optional }),
    create,
  ),
  // Before the address of one: a reference may have a colon in it.
  ...gradientRoute('GET', '/datasets/ref/:reference', z.unknown(), async ({ call, deps, params }) => {
    const [id = '', version = latestTag] = params['reference']!.split(':')
    const dataset = await call('dataset', 'show', { dataset: id })
    const draft = await findDraft(deps, dataset.id, version)
    if (draft) return { id: dataset.id, version: { version: isDraft(draft) ? draft.id : String(draft.version) } }
    const found = await call('dataset', 'version', { dataset: dataset.id, version })
    return { id: dataset.id, version: { version: String(found.version) } }
  }),
  ...gradientRoute('GET', '/datasets/:id', z.unknown(), async ({ call, params }) =>
    toDataset(await call('dataset', 'show', { dataset: params['id']! })),
  ),
  ...gradientRoute(
    'POST',
    '/datasets/:id',
    z.object({ name: optional, description: optional }),
    async ({ call, params, input }) => {
      const body = { name: input.name, description: input.description }
      return toDataset(await call('dataset', 'update', { dataset: params['id']!, body }))
    },
  ),
  ...gradientRoute('DELETE', '/datasets/:id', z.unknown(), async ({ call, deps, params }) => {
    const { id } = await call('dataset', 'show', { dataset: params['id']! })
    await call('dataset', 'delete', { dataset: id })
    await deps.db.deleteFrom('gradientDrafts').where('datasetId', '=', id).execute()
    return {}
  }),
  ...gradientRoute('GET', '/datasets/:id/tags', anything, async ({ call, params, input }) => {
    const dataset = params['id']!
    const versions = await allPages((page) => call('dataset', 'versions', { dataset, ...page }))
    const tags = versions.flatMap(({ version, message, tags: own }) =>
      own
        .filter((name) => name !== latestTag)
        .map((name) => ({ name, version: { version: String(version), message } })),
    )
    return window(
      input,
      tags.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    )
  }),
  ...gradientRoute(
    'PUT',
    '/datasets/:id/tags/:name',
    z.object({ version: z.coerce.string() }),
    async ({ call, deps, params, input }) => {
      const { id } = await call('dataset', 'show', { dataset: params['id']! })
      const version = await numberOf(deps, id, input.version)
      await call('dataset', 'tag', { dataset: id, tag: params['name']!, body: { version } })
      return { name: params['name'] }
    },
  ),
  ...gradientRoute('DELETE', '/datasets/:id/tags/:name', z.unknown(), async ({ call, params }) => {
    await call('dataset', 'untag', { dataset: params['id']!, tag: params['name']! })
    return {}
  }),
]

interface NewDataset {
  name: string
  description?: string | undefined
  storageProviderId?: string | undefined
}

/**
 * The dataset of that name: here a name is that of one, where Gradient had as many as one liked. Its files are kept by
 * this server, whichever storage provider was meant, and the answer says so.
 */
async function create(exchange: Exchange<NewDataset>) {
  const { call, input } = exchange
  await checkStorageProvider(exchange, input.storageProviderId)
  const name = modelNameOf(input.name).slice(0, 60)
  try {
    const { description } = input
    return toDataset(await call('dataset', 'create', { body: { name, description } }))
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'name_taken') throw error
    return toDataset(await call('dataset', 'show', { dataset: name }))
  }
}

function toDataset({ id, name, description, createdAt }: Dataset) {
  return { id, name, description, dtCreated: createdAt, storageProvider }
}

function sorted(found: Dataset[], input: Record<string, unknown>): Dataset[] {
  const backwards = /\bDESC$/i.test(textInside(input, 'filter[order][]') ?? '')
  const ordered = found.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return backwards ? ordered.toReversed() : ordered
}
