import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { client } from '../../api/client.ts'
import { readAhead } from '../../api/query.ts'
import { addFinder } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'

export const modelRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/models',
    component: lazyRouteComponent(() => import('./model-list-page.tsx'), 'ModelListPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/models/$model',
    loader: ({ params }) => readAhead('model', 'show', { model: params.model }),
    component: lazyRouteComponent(() => import('./model-page.tsx'), 'ModelPage'),
  }),
] as const

addFinder(async (text, signal) => {
  if (text === '' || text.length > 100) return []
  const { items } = await client.model.list({ name: text, limit: 8 }, { signal })
  return items.map(({ name }) => ({
    group: 'Models',
    label: name,
    icon: 'model' as const,
    command: `model show ${name}`,
    to: `/models/${name}`,
  }))
})
