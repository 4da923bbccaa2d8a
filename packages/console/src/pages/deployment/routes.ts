import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { client } from '../../api/client.ts'
import { readAhead } from '../../api/query.ts'
import { addFinder, addMaker } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'

export const deploymentRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/deployments',
    component: lazyRouteComponent(() => import('./deployment-list-page.tsx'), 'DeploymentListPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/deployments/new',
    component: lazyRouteComponent(() => import('./new-deployment-page.tsx'), 'NewDeploymentPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/deployments/$deployment',
    loader: ({ params }) => readAhead('deployment', 'show', { deployment: params.deployment }),
    component: lazyRouteComponent(() => import('./deployment-page.tsx'), 'DeploymentPage'),
  }),
] as const

addFinder(async (text, signal) => {
  if (text === '' || text.length > 100) return []
  const { items } = await client.deployment.list({ name: text, limit: 6 }, { signal })
  return items.map(({ id, name, state, project }) => ({
    group: 'Deployments',
    label: name,
    words: `${state} · ${project.name}`,
    icon: 'deploy' as const,
    command: `deployment show ${name}`,
    to: `/deployments/${id}`,
  }))
})

addMaker({ group: 'Make', label: 'New deployment', icon: 'deploy', command: 'deploy MODEL', to: '/deployments/new' })
