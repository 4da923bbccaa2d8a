import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { addFinder } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'
import { client } from '../../api/client.ts'
import { addressOf, folderOf, nameOf } from './paths.ts'

const component = lazyRouteComponent(() => import('./storage-page.tsx'), 'StoragePage')

export const storageRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/data',
    beforeLoad: () => {
      throw redirect({ to: '/data/storage', replace: true })
    },
  }),
  createRoute({ getParentRoute: () => shellRoute, path: '/data/storage', component }),
  createRoute({ getParentRoute: () => shellRoute, path: '/data/storage/$', component }),
] as const

/** A path that was typed is looked up beside its last slash: `sets/im` finds `sets/images`. */
addFinder(async (text, signal) => {
  if (text === '') return []
  const { items } = await client.storage.list({ path: folderOf(text), limit: 1000 }, { signal })
  const wanted = items.filter(({ path }) => path.toLowerCase().startsWith(text.toLowerCase())).slice(0, 6)
  return wanted.map(({ path, type }) => ({
    group: 'Storage',
    label: path,
    icon: type === 'folder' ? ('folder' as const) : ('file' as const),
    command: `storage ls ${JSON.stringify(path)}`,
    to: type === 'folder' ? addressOf(path) : addressOf(folderOf(path), nameOf(path)),
  }))
})
