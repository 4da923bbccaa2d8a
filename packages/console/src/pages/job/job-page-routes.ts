import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { readAhead } from '../../api/query.ts'
import { shellRoute } from '../../shell/routes.ts'

/** One job, and several side by side. */
export const jobPageRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/jobs/compare',
    component: lazyRouteComponent(() => import('./compare-page.tsx'), 'ComparePage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/jobs/$job',
    loader: ({ params }) => readAhead('job', 'show', { job: params.job }),
    component: lazyRouteComponent(() => import('./job-page.tsx'), 'JobPage'),
  }),
] as const
