import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { client } from '../../api/client.ts'
import { readAhead } from '../../api/query.ts'
import { addFinder, addMaker } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'

export const notebookRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/notebooks',
    component: lazyRouteComponent(() => import('./notebook-list-page.tsx'), 'NotebookListPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/notebooks/new',
    component: lazyRouteComponent(() => import('./notebook-form.tsx'), 'NewNotebookPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/notebooks/$notebook',
    loader: ({ params }) => readAhead('notebook', 'show', { notebook: params.notebook }),
    component: lazyRouteComponent(() => import('./notebook-page.tsx'), 'NotebookPage'),
  }),
  // As clients of Gradient print it.
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/notebooks/$notebook/notebook/$project',
    beforeLoad: ({ params }) => {
      throw redirect({ to: `/notebooks/${params.notebook}` as never, replace: true })
    },
  }),
] as const

addFinder(async (text, signal) => {
  if (text === '' || text.length > 100) return []
  const { items } = await client.notebook.list({ name: text, limit: 8 }, { signal })
  return items.map(({ id, name }) => ({
    group: 'Notebooks',
    label: name,
    icon: 'file' as const,
    command: `notebook open ${id}`,
    to: `/notebooks/${id}`,
  }))
})

addMaker({ group: 'Make', label: 'New notebook', icon: 'file', command: 'notebook create', to: '/notebooks/new' })
