import { ApiError } from '@nabla/api/client'
import { createRootRoute, createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { plainClient } from '../api/client.ts'
import { queries } from '../api/query.ts'
import type { Search } from '../parts/url-state.ts'

export const rootRoute = createRootRoute({
  validateSearch: (search: Record<string, unknown>): Search => search as Search,
})

/** All pages but the sign-in: the bars around them, for somebody who is signed in. */
export const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'shell',
  component: lazyRouteComponent(() => import('./shell.tsx'), 'Shell'),
  beforeLoad: async ({ location }) => {
    try {
      await queries.ensureQueryData({
        queryKey: ['user', 'me', {}],
        queryFn: () => plainClient.user.me(),
        staleTime: Number.POSITIVE_INFINITY,
      })
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error
      throw redirect({ to: '/sign-in', search: location.href === '/' ? {} : { next: location.href } })
    }
  },
})
