import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shellRoute } from '../../shell/routes.ts'

/** Sweeps are experiments: the palette finds them as such. */
export const sweepRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/sweeps',
    component: lazyRouteComponent(() => import('./sweep-list-page.tsx'), 'SweepListPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/sweeps/new',
    component: lazyRouteComponent(() => import('./new-sweep-page.tsx'), 'NewSweepPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/sweeps/$sweep',
    component: lazyRouteComponent(() => import('./sweep-page.tsx'), 'SweepPage'),
  }),
] as const
