import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { shellRoute } from '../../shell/routes.ts'

export const tensorboardRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/tensorboards',
    component: lazyRouteComponent(() => import('./tensorboard-list-page.tsx'), 'TensorboardListPage'),
  }),
] as const
