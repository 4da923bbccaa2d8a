import type { ExperimentSummary } from '@nabla/api/experiment'
import { experimentStates } from '@nabla/api/experiment-states'
import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { client } from '../../api/client.ts'
import { readAhead } from '../../api/query.ts'
import { addFinder, addMaker, type Entry } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'

export const experimentRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/experiments',
    component: lazyRouteComponent(() => import('./experiment-list-page.tsx'), 'ExperimentListPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/experiments/new',
    component: lazyRouteComponent(() => import('./new-experiment-page.tsx'), 'NewExperimentPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/experiments/$experiment',
    loader: ({ params }) => readAhead('experiment', 'show', { experiment: params.experiment }),
    component: lazyRouteComponent(() => import('./experiment-page.tsx'), 'ExperimentPage'),
  }),
  // As clients of Gradient print it.
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/projects/$project/experiments/$experiment',
    beforeLoad: ({ params }) => {
      throw redirect({ to: `/experiments/${params.experiment}` as never, replace: true })
    },
  }),
] as const

/** Experiments may be many: the newest whose name begins so are found. */
addFinder(async (text, signal) => {
  if (text === '') return []
  const { items } = await client.experiment.list({ name: text, limit: 6 }, { signal })
  return items.map(toEntry)
})

function toEntry({ id, name, state, project, kind }: ExperimentSummary): Entry {
  return {
    group: 'Experiments',
    label: name,
    words: `${experimentStates[state].label} · ${project.name}`,
    icon: 'chart',
    command: `experiment show ${id}`,
    to: `/${kind === 'sweep' ? 'sweeps' : 'experiments'}/${id}`,
  }
}

addMaker({
  group: 'Make',
  label: 'New experiment',
  icon: 'chart',
  command: 'experiment run -- COMMAND',
  to: '/experiments/new',
})
