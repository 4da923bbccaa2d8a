import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { rootRoute } from '../../shell/routes.ts'

/** What anyone may look at, without an account. */
export const sharedRoutes = [
  createRoute({
    getParentRoute: () => rootRoute,
    path: '/shared/$share',
    component: lazyRouteComponent(() => import('./shared-page.tsx'), 'SharedPage'),
  }),
] as const
