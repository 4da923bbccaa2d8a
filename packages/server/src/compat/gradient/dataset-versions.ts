import type { DatasetVersion } from '@nabla/api/dataset'
import { latestTag } from '@nabla/api/dataset'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import {
  commitDraft,
  type Draft,
  dropDraft,
  findDraft,
  isDraft,
  makeDraft,
  numberOf,
  setMessage,
} from './dataset-drafts.ts'
import { anything, optional, window, yes } from './fields.ts'
import { allPages } from './pages.ts'
import { type Exchange, gradientRoute } from './route.ts'

export const datasetVersionRoutes = [
  ...gradientRoute('GET', '/datasets/:id/versions', anything, async ({ call, params, input }) => {
    const found = await allPages((page) => call('dataset', 'versions', { dataset: params['id']!, ...page }))
    return window(input, found.filter(({ state }) => state !== 'failed').map(toVersion))
  }),
  ...gradientRoute('POST', '/datasets/:id/versions', z.object({ message: optional }), async (exchange) => {
    const { id } = await exchange.call('dataset', 'show', { dataset: exchange.params['id']! })
    return fromDraft(await makeDraft(exchange, id, exchange.input.message ?? ''))
  }),
  ...gradientRoute('GET', '/datasets/:id/versions/:version', z.unknown(), show),
  ...gradientRoute(
    'POST',
    '/datasets/:id/versions/:version',
    z.object({ message: optional, isCommitted: yes }),
    async (exchange) => {
      const { call, deps, params, input } = exchange
      const { id } = await call('dataset', 'show', { dataset: params['id']! })
      const draft = await findDraft(deps, id, params['version']!)
      if (!draft || !isDraft(draft)) {
        const unchanged = await show(exchange)
        if (input.message === undefined) return unchanged
        throw new AppError('conflict', { detail: 'A version that is committed never changes, its message neither.' })
      }
      if (input.message !== undefined) await setMessage(deps, draft, input.message)
      const message = input.message ?? draft.message
      return fromDraft(input.isCommitted ? await commitDraft(exchange, { ...draft, message }) : { ...draft, message })
    },
  ),
  ...gradientRoute('DELETE', '/datasets/:id/versions/:version', z.unknown(), async (exchange) => {
    const { call, deps, params } = exchange
    const { id } = await call('dataset', 'show', { dataset: params['id']! })
    const draft = await findDraft(deps, id, params['version']!)
    if (!draft || !isDraft(draft)) {
      await call('dataset', 'deleteVersion', { dataset: id, version: await numberOf(deps, id, params['version']!) })
    }
    if (draft) await dropDraft(exchange, draft)
    return {}
  }),
]

async function show({ call, deps, params }: Exchange) {
  const { id } = await call('dataset', 'show', { dataset: params['id']! })
  const draft = await findDraft(deps, id, params['version']!)
  if (draft && isDraft(draft)) return fromDraft(draft)
  const version = await numberOf(deps, id, params['version']!)
  return toVersion(await call('dataset', 'version', { dataset: id, version }))
}

function toVersion({ version, message, state, tags, createdAt }: DatasetVersion) {
  const own = tags.filter((name) => name !== latestTag).map((name) => ({ name }))
  return { version: String(version), message, isCommitted: state === 'ready', tags: own, dtCreated: createdAt }
}

function fromDraft({ id, message, version, createdAt }: Draft) {
  return { version: id, message, isCommitted: version !== null, tags: [], dtCreated: createdAt }
}
