import { tensorboardStates } from '@nabla/api/tensorboard-states'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { client } from '../../api/client.ts'
import { addFinder, addMaker } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'

export const tensorboardRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/tensorboards',
    component: lazyRouteComponent(() => import('./tensorboard-list-page.tsx'), 'TensorboardListPage'),
  }),
] as const

/** There are few: those of the newest with this in their names. */
addFinder(async (text, signal) => {
  if (text === '') return []
  const { items } = await client.tensorboard.list({ limit: 100 }, { signal })
  const found = items.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()))
  return found.slice(0, 6).map(({ id, name, state, project }) => ({
    group: 'TensorBoards',
    label: name,
    words: `${tensorboardStates[state].label} · ${project.name}`,
    icon: 'chart',
    command: `tensorboard open ${id}`,
    to: '/tensorboards',
  }))
})

addMaker({
  group: 'Make',
  label: 'New TensorBoard',
  icon: 'chart',
  command: 'tensorboard create --job JOB',
  to: '/tensorboards?new=yes',
})
