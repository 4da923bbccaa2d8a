import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { readAhead } from '../../api/query.ts'
import { shellRoute } from '../../shell/routes.ts'

export const homeRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/',
    beforeLoad({ location: { hash } }) {
      // What MLflow's client prints where a run ends: the address that the page of its own server has.
      const [, project, run] = /^\/experiments\/(\w+)(?:\/runs\/(\w+))?$/.exec(hash) ?? []
      if (run !== undefined) throw redirect({ to: '/runs/$run', params: { run }, hash: '' })
      if (project !== undefined) throw redirect({ to: '/projects/$project', params: { project }, hash: '' })
    },
    loader() {
      readAhead('job', 'counts', {})
      readAhead('server', 'machine', {})
    },
    component: lazyRouteComponent(() => import('./home-page.tsx'), 'HomePage'),
  }),
] as const
