import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { addFinder } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'

export const eventRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/activity',
    component: lazyRouteComponent(() => import('./activity-page.tsx'), 'ActivityPage'),
  }),
] as const

addFinder((text) =>
  Promise.resolve(
    text !== '' && 'activity events'.includes(text.toLowerCase())
      ? [{ group: 'Go to', label: 'Activity', icon: 'clock', to: '/activity', command: 'events' }]
      : [],
  ),
)
