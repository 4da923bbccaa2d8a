import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { readAhead } from '../../api/query.ts'
import { shellRoute } from '../../shell/routes.ts'

export const homeRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/',
    loader() {
      readAhead('job', 'counts', {})
      readAhead('server', 'machine', {})
    },
    component: lazyRouteComponent(() => import('./home-page.tsx'), 'HomePage'),
  }),
] as const
