import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { client } from '../../api/client.ts'
import { readAhead } from '../../api/query.ts'
import { addFinder } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'

export const datasetRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/data/datasets',
    component: lazyRouteComponent(() => import('./dataset-list-page.tsx'), 'DatasetListPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/data/datasets/$dataset',
    loader: ({ params }) => readAhead('dataset', 'show', { dataset: params.dataset }),
    component: lazyRouteComponent(() => import('./dataset-page.tsx'), 'DatasetPage'),
  }),
] as const

addFinder(async (text, signal) => {
  if (text === '' || text.length > 60) return []
  const { items } = await client.dataset.list({ name: text, limit: 8 }, { signal })
  return items.map(({ name }) => ({
    group: 'Datasets',
    label: name,
    icon: 'data' as const,
    command: `dataset show ${name}`,
    to: `/data/datasets/${name}`,
  }))
})
