import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { readAhead } from '../../api/query.ts'
import { addMaker } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'
import { readTrialsAhead } from './trials-query.ts'

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
    loader({ params: { sweep } }) {
      readAhead('sweep', 'show', { sweep })
      readAhead('experiment', 'show', { experiment: sweep })
      if (anId.test(sweep)) readTrialsAhead(sweep)
      import('./sweep-body.tsx').catch(() => undefined)
    },
    component: lazyRouteComponent(() => import('./sweep-page.tsx'), 'SweepPage'),
  }),
] as const

/** Trials are kept by the id, and a name may be that of any sweep. */
const anId = /^e[0-9a-z]{16}$/

addMaker({ group: 'Make', label: 'New sweep', icon: 'chart', command: 'sweep run -f sweep.yaml', to: '/sweeps/new' })
