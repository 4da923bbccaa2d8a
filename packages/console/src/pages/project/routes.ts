import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { client } from '../../api/client.ts'
import { readAhead } from '../../api/query.ts'
import { addFinder } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'

export const projectRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/projects',
    component: lazyRouteComponent(() => import('./project-list-page.tsx'), 'ProjectListPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/projects/$project',
    loader: ({ params }) => readAhead('project', 'show', { project: params.project }),
    component: lazyRouteComponent(() => import('./project-page.tsx'), 'ProjectPage'),
  }),
] as const

/** Projects are few: the newest 200 are looked through. */
addFinder(async (text, signal) => {
  if (text === '') return []
  const { items } = await client.project.list({ limit: 200 }, { signal })
  const wanted = items.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase())).slice(0, 8)
  return wanted.map(({ name }) => ({
    group: 'Projects',
    label: name,
    icon: 'folder' as const,
    command: `project show ${name}`,
    to: `/projects/${encodeURIComponent(name)}`,
  }))
})
