import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { readAhead } from '../../api/query.ts'
import type { Search } from '../../parts/url-state.ts'
import { shellRoute } from '../../shell/routes.ts'
import { readLogAhead } from './log-end.ts'
import { readJobMetricsAhead } from './metrics-query.ts'

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
    loader({ params: { job }, location }) {
      readAhead('job', 'show', { job })
      readTabAhead(job, location.search as Search)
    },
    component: lazyRouteComponent(() => import('./job-page.tsx'), 'JobPage'),
  }),
] as const

const anId = /^j[0-9a-z]{16}$/

/** The tab that is opened: its code, and what it shows. Only an id is a job for sure, and not yet the name of one. */
function readTabAhead(job: string, { tab, from }: Search): void {
  if (tab === undefined) {
    import('./log-view.tsx').catch(() => undefined)
    if (anId.test(job)) readLogAhead(job)
  } else if (tab === 'metrics') {
    import('./job-page-metrics.tsx').catch(() => undefined)
    if (anId.test(job) && from === undefined) readJobMetricsAhead(job)
  }
}
