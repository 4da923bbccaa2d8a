import type { Workflow } from '@nabla/api/workflow'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { client } from '../../api/client.ts'
import { readAhead } from '../../api/query.ts'
import { addFinder, addMaker, type Entry } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'

export const workflowRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/workflows',
    component: lazyRouteComponent(() => import('./workflow-list-page.tsx'), 'WorkflowListPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/workflows/new',
    component: lazyRouteComponent(() => import('./new-run-page.tsx'), 'NewRunPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/workflows/$workflow',
    loader: ({ params }) => readAhead('workflow', 'show', { workflow: params.workflow }),
    component: lazyRouteComponent(() => import('./workflow-page.tsx'), 'WorkflowPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/workflows/$workflow/runs/$number',
    component: lazyRouteComponent(() => import('./run-page.tsx'), 'WorkflowRunPage'),
  }),
] as const

/** Workflows may be many: the newest whose name begins so are found. */
addFinder(async (text, signal) => {
  if (text === '') return []
  const { items } = await client.workflow.list({ name: text, limit: 6 }, { signal })
  return items.map(toEntry)
})

function toEntry({ id, name, project, latest }: Workflow): Entry {
  return {
    group: 'Workflows',
    label: name,
    words: `${latest === null ? 'not run yet' : latest.state} · ${project.name}`,
    icon: 'flow',
    command: `workflow show ${id}`,
    to: `/workflows/${id}`,
  }
}

addMaker({
  group: 'Make',
  label: 'New workflow',
  icon: 'flow',
  command: 'workflow run NAME -f flow.yaml',
  to: '/workflows/new',
})
