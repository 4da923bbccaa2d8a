import { createRoute, redirect } from '@tanstack/react-router'
import { shellRoute } from '../../shell/routes.ts'

export const dataRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/data',
    beforeLoad: () => {
      throw redirect({ to: '/data/storage', replace: true })
    },
  }),
] as const
