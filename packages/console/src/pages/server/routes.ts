import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shellRoute } from '../../shell/routes.ts'

export const machineRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/machines',
    component: lazyRouteComponent(() => import('./machine-page.tsx'), 'MachinePage'),
  }),
] as const
