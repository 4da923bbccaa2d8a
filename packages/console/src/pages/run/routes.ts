import type { Run } from '@nabla/api/run'
import { runStates } from '@nabla/api/run-states'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { client } from '../../api/client.ts'
import { readAhead } from '../../api/query.ts'
import { addFinder, type Entry } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'

export const runRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/runs',
    loader: () => readAhead('run', 'columns', {}),
    component: lazyRouteComponent(() => import('./run-list-page.tsx'), 'RunListPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/runs/compare',
    component: lazyRouteComponent(() => import('./compare-page.tsx'), 'CompareRunsPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/runs/$run',
    loader({ params: { run }, location }) {
      readAhead('run', 'show', { run })
      if (!('tab' in location.search)) import('./run-charts.tsx').catch(() => undefined)
    },
    component: lazyRouteComponent(() => import('./run-page.tsx'), 'RunPage'),
  }),
] as const

/** Runs may be many: those whose name begins so are found. */
addFinder(async (text, signal) => {
  if (text === '' || /['"%\\]/.test(text)) return []
  const filter = `attributes.run_name ILIKE '${text}%'`
  const { items } = await client.run.list({ filter, limit: 6, columns: '' }, { signal })
  return items.map(toEntry)
})

function toEntry({ id, name, state, project }: Run): Entry {
  return {
    group: 'Runs',
    label: name,
    words: `${runStates[state].label} · ${project.name}`,
    icon: 'chart',
    command: `runs show ${id}`,
    to: `/runs/${id}`,
  }
}
